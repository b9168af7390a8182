//! Adopting a ledger that was restored: its past is shorter than what others have seen of it, and from
//! then on it says so with every event it publishes.

use async_trait::async_trait;

use super::StoreError;
use crate::clock::Timestamp;
use crate::ids::Partition;

/// The port, for who owns the ledger while nothing serves from it.
#[async_trait]
pub trait Adoption: Send + Sync + 'static {
    /// Raises the incarnation, and records up to where each partition held what the one before had
    /// written; what it is now. Who has the ledger open goes on with the one before.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where that takes the ledger's owner; else when it can't be written.
    async fn adopt(
        &self,
        begun_after: &[(Partition, u64)],
        at: Timestamp,
    ) -> Result<u32, StoreError>;
}
