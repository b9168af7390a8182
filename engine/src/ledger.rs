//! The ledger store: the append-only table of events, and the only source of truth.
//!
//! One port, one contract suite, several stores. Every store gives the same promises:
//! an append is all or nothing and on disk before it is answered; positions of a partition are
//! gapless and in commit order, so who sees position n has seen all before it; what is stored is
//! never changed.

mod acknowledgement;
mod adoption;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod digest;
mod erasure;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
mod identity;
mod incarnations;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod numbering;
pub mod postgres;
pub mod sqlite;

pub use acknowledgement::{Acknowledgement, Acknowledgements};
pub use adoption::Adoption;
pub use digest::EventsDigest;
pub use erasure::Erasure;
pub use incarnations::{IncarnationStart, Incarnations};

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName};
use crate::ids::{EventId, LedgerId, Partition, PaymentId};
use crate::payment::{DecodeError, Event, decode};

/// What is recorded when a ledger is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerIdentity {
    pub id: LedgerId,
    /// Raised when a restored ledger is adopted.
    pub incarnation: u32,
    pub partitions: u16,
}

/// The schema of events and tables that this build reads; a ledger that needs more is refused.
pub const READER_VERSION: u32 = 1;

/// The default number of partitions of a new ledger.
pub const DEFAULT_PARTITIONS: u16 = 16;

/// The most bytes of data one event may have, so that every transport takes its record.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The consecutive next events of one payment, to be appended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub payment_id: PaymentId,
    /// The version of the first event; the others follow it.
    pub first_version: u32,
    pub events: Vec<NewEvent>,
    pub texts: Vec<AppendText>,
    /// W3C trace context of the request, stored and published unchanged.
    pub traceparent: Option<Arc<str>>,
    pub recorded_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub event_id: EventId,
    pub event_type: &'static str,
    pub data: String,
}

/// A text of the first event of its append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendText {
    pub name: TextName,
    pub salt: [u8; 16],
    pub text: Arc<str>,
}

impl Append {
    /// Its events with their versions.
    pub fn versions(&self) -> impl Iterator<Item = (u32, &NewEvent)> {
        (self.first_version..).zip(&self.events)
    }

    /// Bytes of data and text, which bound a batch.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.data.len()).sum();
        let texts: usize = self.texts.iter().map(|text| text.text.len()).sum();
        events.saturating_add(texts)
    }
}

/// What became of one append of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// On disk; the position of its last event.
    At(u64),
    /// Another event holds its first version, or the version before it is missing.
    Conflict,
}

/// An event as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub partition: Partition,
    pub position: u64,
    pub payment_id: PaymentId,
    pub version: u32,
    pub event_id: EventId,
    pub event_type: Arc<str>,
    pub data: Arc<str>,
    pub traceparent: Option<Arc<str>>,
    pub recorded_at: Timestamp,
}

impl Recorded {
    /// # Errors
    /// When this build doesn't know the event, or its data is damaged.
    pub fn decode(&self) -> Result<Event, DecodeError> {
        decode(&self.event_type, &self.data)
    }
}

/// A text of an event as a store holds it. Where its bytes are no UTF-8 it is one that no event has and that shows
/// them: so the event alone can't be decoded, and not all that is read with it.
pub(crate) fn stored_text(bytes: &[u8]) -> Arc<str> {
    str::from_utf8(bytes).map_or_else(
        |error| format!("no UTF-8, {error}: {}", String::from_utf8_lossy(bytes)).into(),
        Arc::from,
    )
}

/// A stretch of one partition: positions `from` to `from + limit - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub partition: Partition,
    pub from: u64,
    pub limit: u32,
}

impl Stretch {
    /// Its last position; none stands beyond `i64::MAX`, which every store can hold.
    #[must_use]
    pub const fn last(&self) -> u64 {
        let end = self.from.saturating_add(self.limit as u64);
        if end > i64::MAX as u64 { i64::MAX as u64 } else { end.saturating_sub(1) }
    }
}

/// How a partition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub partition: Partition,
    /// The last position; 0 while the partition is empty.
    pub position: u64,
}

/// Why a store can't do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written, and it may work later.
    #[error("the {store} store is unavailable: {cause}")]
    Unavailable { store: &'static str, cause: String },
    /// The commit was sent and its answer was lost: it may or may not be on disk.
    #[error("the {store} store's answer to a commit was lost: {cause}")]
    AnswerLost { store: &'static str, cause: String },
    /// The store holds what it must not hold.
    #[error("the {store} store is damaged: {cause}")]
    Damaged { store: &'static str, cause: String },
    /// The store is not one this build may use; says what to do.
    #[error("{0}")]
    Refused(String),
}

/// The port.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    fn identity(&self) -> LedgerIdentity;

    /// Where its incarnations began, as it was when it was opened.
    fn incarnations(&self) -> &Incarnations {
        &incarnations::NEVER_RESTORED
    }

    /// How many batches of a process are worth having under way just now: with two, one is made up and
    /// sent while the other commits.
    fn batches_under_way(&self) -> usize {
        1
    }

    /// Returns when a batch that is made up now is written next: the later, the more is in it. Never
    /// waits for long, and promises nothing.
    async fn wait_for_turn(&self) {}

    /// Appends the batch in one transaction, in order, durable when it returns. A batch with a
    /// version already recorded, or one that leaves a gap, writes nothing and answers `None`: the
    /// caller sends it through [`Ledger::append_tolerant`], which costs more and says which it was.
    /// Consecutive appends to one payment may stand in one batch.
    ///
    /// # Errors
    /// [`StoreError::AnswerLost`] where it may have been written, else it was not.
    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError>;

    /// Appends what can be appended and answers each: an append whose events stand there already
    /// under the same event ids counts as written, which is how a lost answer is found again. An
    /// append behind a conflicting one of its payment was decided on it, and is a conflict too.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError>;

    /// A payment's events in version order; empty where there is no such payment.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError>;

    /// A payment's texts.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError>;

    /// The texts of these payments, each payment's together.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn texts_of(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
        let mut all = Vec::new();
        for payment_id in payments {
            all.extend(self.texts(*payment_id).await?.into_iter().map(|text| (*payment_id, text)));
        }
        Ok(all)
    }

    /// The events of these stretches, by partition and position, each once.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError>;

    /// The [`EventsDigest`] of each of these stretches, in their order.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn digests(&self, stretches: &[Stretch]) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut digests = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            digests.push(EventsDigest::of(&self.read(&[*stretch]).await?));
        }
        Ok(digests)
    }

    /// Up to `limit` events of a partition in order of payment id and version, beginning after the
    /// given payment and version: a walk payment by payment, in bounded memory.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// Every partition's head, in order of partition.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;
}
