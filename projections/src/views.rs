//! The seven views: what they are, how far each has got, and the port of the store that keeps them.

pub mod balances;
mod batch;
mod change;
mod columns;
mod cursors;
mod forgetting;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod fuzz;
pub mod journal;
pub mod list;
pub mod operations;
mod page;
mod parked;
pub mod payments;
pub mod postgres;
pub mod refunds;
pub mod row;
pub mod settlements;
mod shadow;
pub mod sqlite;
mod statement;
pub mod texts;

pub use balances::BalanceBody;
pub use batch::{Batch, Parking};
pub use forgetting::ForgetViews;
pub use journal::PostingBody;
pub use operations::{Attention, OperationBody};
pub use page::{MAX_LIMIT, Page, PageQuery};
pub use parked::{ParkedPayment, ParkedPayments, Unparked, Unparking};
pub use payments::ListedPayment;
pub use refunds::RefundBody;
pub use settlements::{LineKind, SettlementBody, SettlementLineBody};
pub use texts::{EraseViewTexts, PaymentTexts};

use async_trait::async_trait;
use daybook_engine::cursor::{Cursor, Diverged};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::Recorded;
use daybook_engine::payment::Event;

use crate::error::ViewError;
use crate::verify::ViewSnapshot;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    Payments,
    Settlements,
    Refunds,
    Balances,
    Operations,
    Journal,
    Texts,
}

impl View {
    pub const ALL: [Self; 7] = [
        Self::Payments,
        Self::Settlements,
        Self::Refunds,
        Self::Balances,
        Self::Operations,
        Self::Journal,
        Self::Texts,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Settlements => "settlements",
            Self::Refunds => "refunds",
            Self::Balances => "balances",
            Self::Operations => "operations",
            Self::Journal => "journal",
            Self::Texts => "texts",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == name)
    }
}

/// Where every view stands in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewCursors {
    cursors: [Cursor; View::ALL.len()],
    /// Where reading of the topic goes on from there, as far as that is known: a place to begin, never
    /// more, since what is read is checked all the same.
    pub topic_offset: Option<u64>,
}

impl ViewCursors {
    #[must_use]
    pub const fn of(&self, view: View) -> Cursor {
        self.cursors[view as usize]
    }

    pub const fn set(&mut self, view: View, cursor: Cursor) {
        self.cursors[view as usize] = cursor;
    }

    /// Where the view that is furthest behind stands: the feed is read from here.
    #[must_use]
    pub fn lowest(&self) -> Cursor {
        self.cursors.into_iter().min_by_key(|cursor| cursor.position).unwrap_or_default()
    }

    /// Where the view that is furthest ahead stands.
    #[must_use]
    pub fn highest(&self) -> Cursor {
        self.cursors.into_iter().max_by_key(|cursor| cursor.position).unwrap_or_default()
    }

    /// Every view moved to `end`, but for those that are ahead of it.
    #[must_use]
    pub fn moved_to(mut self, end: Cursor) -> Self {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.position < end.position) {
            *cursor = end;
        }
        self
    }

    /// # Errors
    /// When a view remembers another event at this position.
    pub fn check(&self, recorded: &Recorded) -> Result<(), Diverged> {
        self.cursors.iter().try_for_each(|cursor| cursor.step(recorded).map(|_| ()))
    }

    /// # Errors
    /// When a view stands beyond the partition's head.
    pub fn check_head(&self, partition: Partition, head: u64) -> Result<(), Diverged> {
        self.cursors.iter().try_for_each(|cursor| cursor.check_head(partition, head))
    }
}

/// An event as the ledger holds it, and as it reads.
pub type DecodedEvent = (Recorded, Event);

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// Rows and cursors are committed.
    Moved,
    /// A cursor no longer stood where the batch begins: somebody else moves it; nothing changed.
    Superseded,
}

/// The port: every view's rows and cursors in one store.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// Every partition's cursors, in order of partition.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError>;

    /// How many batches of different partitions it takes at a time with profit.
    fn writers(&self) -> usize;

    /// Folds at most one batch per partition into every view that has not seen it, parks what is to
    /// be parked, and moves the cursors by compare-and-set, all in one transaction. Events of parked
    /// payments are left out.
    ///
    /// # Errors
    /// [`ViewError::Unfit`] names the events that don't fit the rows, [`ViewError::Rows`] and
    /// [`ViewError::Overflow`] say that one doesn't; nothing changed.
    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError>;

    /// Every parked payment.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn parked(&self) -> Result<ParkedPayments, ViewError>;

    /// How many payments are parked in each partition; those without one may be missing.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError>;

    /// Folds what each view has passed and left out of a parked payment into it, and parks the
    /// payment no more, all in one transaction, where the views still stand at the given cursors.
    ///
    /// # Errors
    /// As [`ViewStore::apply`]: then it stays parked.
    async fn unpark(&self, unparking: Unparking<'_>) -> Result<Unparked, ViewError>;

    /// Rows and cursors of one partition as they stand together now, for the check against the
    /// ledger.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn snapshot(&self, partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError>;
}

/// What people read. Each answer is one read transaction: its items and the positions that the view had
/// reached belong together. Each takes a query of its own list.
#[async_trait]
pub trait ViewQueries: Send + Sync + 'static {
    /// How far every view that the query reads has got in each partition.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn positions(&self, query: &PageQuery) -> Result<Vec<(Partition, u64)>, ViewError>;

    /// Of [`payments::LIST`].
    ///
    /// # Errors
    /// [`ViewError::BadCursor`], or when the store can't be read.
    async fn payments(&self, query: &PageQuery) -> Result<Page<ListedPayment>, ViewError>;

    /// Of [`settlements::LIST`]: totals by day, merchant and currency.
    ///
    /// # Errors
    /// As [`ViewQueries::payments`], and [`ViewError::Overflow`].
    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError>;

    /// Of [`settlements::LINES`]: the captures and refunds that settlements are made of.
    ///
    /// # Errors
    /// As [`ViewQueries::payments`].
    async fn settlement_lines(
        &self,
        query: &PageQuery,
    ) -> Result<Page<SettlementLineBody>, ViewError>;

    /// Of [`refunds::LIST`].
    ///
    /// # Errors
    /// As [`ViewQueries::payments`].
    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError>;

    /// Of [`balances::LIST`].
    ///
    /// # Errors
    /// As [`ViewQueries::payments`], and [`ViewError::Overflow`].
    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError>;

    /// Of [`operations::LIST`].
    ///
    /// # Errors
    /// As [`ViewQueries::payments`].
    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationBody>, ViewError>;

    /// Of [`journal::LIST`].
    ///
    /// # Errors
    /// As [`ViewQueries::payments`].
    async fn journal(&self, query: &PageQuery) -> Result<Page<PostingBody>, ViewError>;
}
