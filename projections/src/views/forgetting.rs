//! Setting views back to their start: what they held comes again from the ledger.

use async_trait::async_trait;
use daybook_engine::ids::Partition;

use crate::error::ViewError;

/// The port, for a ledger that is adopted while nothing serves from it.
#[async_trait]
pub trait ForgetViews: Send + Sync + 'static {
    /// Takes every row of these partitions out of every view, parked payments too, and sets their cursors
    /// to the start, all in one transaction.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn forget(&self, partitions: &[Partition]) -> Result<(), ViewError>;
}

/// The tables with a row's partition in them. What was erased is forgotten too: a ledger that was restored may
/// hold it again, and the views follow the ledger.
pub(super) const TABLES: [&str; 10] = [
    "payment",
    "operation",
    "refund",
    "settlement",
    "settlement_line",
    "balance",
    "posting",
    "payment_text",
    "erased_text",
    "parked",
];
