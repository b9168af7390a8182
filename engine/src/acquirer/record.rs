//! What a simulated acquirer executed, kept where it outlives its process.

pub mod sqlite;

use async_trait::async_trait;

use super::wire::OperationBody;
use crate::ids::OperationId;
use crate::ledger::StoreError;
use crate::payment::Outcome;

/// What was found when an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Recorded now.
    New,
    /// It came before, and was the same.
    Known,
    /// Its id stands for another operation.
    Other,
}

/// The port.
#[async_trait]
pub trait ExecutionRecord: Send + Sync + 'static {
    /// Records an operation and what becomes of it, unless its id is known; on disk when it returns.
    ///
    /// # Errors
    /// When the record can't be written.
    async fn take(
        &self,
        id: OperationId,
        body: &OperationBody,
        settled: &Outcome,
    ) -> Result<Taken, StoreError>;

    /// An operation that was taken.
    ///
    /// # Errors
    /// When the record can't be read.
    async fn find(&self, id: OperationId) -> Result<Option<OperationBody>, StoreError>;
}
