//! Losing work rows on purpose: they are a fold of the ledger, and come again.

use async_trait::async_trait;

use crate::ledger::StoreError;

/// The port, for a ledger that is adopted while nothing serves from it.
#[async_trait]
pub trait ForgetWork: Send + Sync + 'static {
    /// Takes all rows and claims away and sets every cursor to the start.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn forget(&self) -> Result<(), StoreError>;
}

/// Of each store: the tables of rows, and what becomes of the cursors.
pub(super) const FORGET: [&str; 5] = [
    "DELETE FROM work_item",
    "DELETE FROM claim",
    "DELETE FROM expiry",
    "DELETE FROM expiry_waiting",
    "UPDATE work_cursor SET position = 0, event_id = NULL",
];
