//! The work store: claims, due rows and cursors, as rows that survive a restart.
//!
//! Work rows are a fold of the ledger: rows and cursor move in one transaction, and if they are
//! lost they are rebuilt from the ledger's open operations.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod fold;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod sqlite;

pub use fold::{WorkChange, WorkFold};

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
    /// When it was first put here: a day later it is flagged for people.
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
}

/// Work rows waiting in the store, for metrics and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkCounts {
    pub open: u64,
    pub flagged: u64,
    pub claimed: u64,
    pub expiries: u64,
}

/// The port.
#[async_trait]
pub trait WorkStore: Send + Sync + 'static {
    /// The fold's cursor in each partition of `partitions`, in that order.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError>;

    /// Applies the changes and moves the cursors, in one transaction. `false` where a cursor did
    /// not stand where `moves` says it did: nothing was changed.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError>;

    /// Claims up to `limit` due operations, the first open one of each payment that nobody holds,
    /// each for `hold` on the store's clock.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Gives a claim back: the operation is due again after `delay`, with one attempt more. Does
    /// nothing where the claim has passed to another holder. (A concluded operation needs no such
    /// call: the fold of its outcome event takes item and claim away.)
    ///
    /// # Errors
    /// When the store can't be written.
    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged: bool,
    ) -> Result<(), StoreError>;

    /// Up to `limit` expiries that are due.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError>;

    /// Settles expiries: done ones go, others are due again later or at the capture's outcome.
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
