//! The work store: claims, due rows and cursors, as rows that survive a restart.
//!
//! Work rows are a fold of the ledger: rows and cursor move in one transaction, and if they are
//! lost they are rebuilt from the ledger's open operations. What only the rows know (attempts,
//! flags, claims, later due times) may be lost: the worst that follows is an early inquiry.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod fold;
mod forgetting;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod postgres;
mod schedule;
pub mod sqlite;

pub use fold::{WorkBatch, WorkChange, WorkFold};
pub use forgetting::ForgetWork;
pub use schedule::{InquirySchedule, UnusableSchedule};

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::ids::{OperationId, Partition, PaymentId};
use crate::ledger::StoreError;
use crate::payment::Verb;

/// An open operation, waiting to be called or inquired about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkItem {
    pub partition: Partition,
    pub payment_id: PaymentId,
    pub operation_id: OperationId,
    pub verb: Verb,
    /// The version of its request event: operations of one payment go in this order.
    pub version: u32,
    pub due_at: Timestamp,
    /// Attempts so far, calls and inquiries.
    pub attempts: u32,
    /// `at` of its request event: a day later it is flagged for people.
    pub opened_at: Timestamp,
    pub flagged: bool,
}

/// A payment's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExpiryItem {
    pub partition: Partition,
    pub payment_id: PaymentId,
    pub due_at: Timestamp,
}

/// The right to act on one payment until a time on the store's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub item: WorkItem,
    /// The number that ends with this claim; a later claim has another.
    pub token: uuid::Uuid,
    /// From then on, on the store's clock, another may take it over: a holder has stopped sending
    /// and waiting well before.
    pub until: Timestamp,
}

/// Work rows waiting in the store, for metrics and reports. Expiries still to come aren't counted:
/// there is one for each payment of the last days, and counting them would read them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkCounts {
    /// Open operations.
    pub open: u64,
    /// Open operations that people should look at.
    pub flagged: u64,
    /// Claims that have not run out.
    pub claimed: u64,
    /// Expiries that are due.
    pub expiries_due: u64,
    /// Expiries that wait for an operation's outcome.
    pub expiries_waiting: u64,
}

/// How long an expiry stands back that was refused by an operation which is not open here: either
/// its outcome came in between, or its request is not folded yet.
const REFUSED_EXPIRY_DELAY: Duration = Duration::from_secs(1);

/// Whether an open operation of this kind refuses its payment's expiry: those whose outcomes fold
/// to [`WorkChange::RetryExpiry`].
#[cfg(any(test, feature = "testing"))]
const fn refuses_expiry(verb: Verb) -> bool {
    matches!(verb, Verb::Capture | Verb::Void)
}

/// The port.
#[async_trait]
pub trait WorkStore: Send + Sync + 'static {
    /// The fold's cursor in each partition of `partitions`, in that order.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError>;

    /// Applies the changes and moves the cursors (each partition at most once, from, to), in one
    /// transaction. `false` where a cursor did not stand where `moves` says it did, position and
    /// event: nothing was changed. The changes are a [`WorkBatch`]'s: they are applied kind by
    /// kind, in the order in which [`WorkChange`] lists them.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError>;

    /// Claims up to `limit` due operations, longest due first, each for `hold` on the store's
    /// clock. Only the first open operation of a payment is claimed, and only where nobody holds
    /// the payment: later ones wait behind it, even while it only waits for an inquiry.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Gives a claim back: the operation is due again `delay` from now on the store's clock, with
    /// one attempt more. It is flagged, and so are those of its payment that wait behind it, where they
    /// were opened at `flagged_since` or before; once flagged they stay so. Does nothing where the claim
    /// has ended or passed to another holder. (After an outcome was recorded for the operation no such call is needed:
    /// its fold takes item and claim away.)
    ///
    /// # Errors
    /// When the store can't be written.
    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a claim whose call was recorded as unknown. The fold of that event counts the attempt and makes
    /// it due; until it comes the operation is due `delay` from now. Nobody but the holder ends it, since such an event
    /// may be recorded so late that another worker has claimed the operation anew. Does nothing where
    /// the claim has ended or passed to another holder.
    ///
    /// # Errors
    /// When the store can't be written; then it runs out by itself.
    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError>;

    /// Up to `limit` expiries that are due, longest due first. They are not claimed: two workers
    /// may meet on one, and the ledger lets one of them record it.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError>;

    /// Settles expiries, each where it still stands as it was read. A [`ExpiryEnd::Waits`] of a
    /// payment with no open capture or void here is due again in a moment, since the outcome that
    /// it would wait for may have been folded already.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError>;

    /// How many rows of each kind there are.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError>;
}

/// What became of a due expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryEnd {
    /// Recorded, or nothing is left to expire.
    Done,
    /// Refused by an open operation: due again at that operation's outcome.
    Waits,
}
