//! Operations that people should look at.

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::ids::OperationId;

use super::OperationBody;
use crate::error::ViewError;

/// The port.
#[async_trait]
pub trait Attention: Send + Sync + 'static {
    /// Up to `limit` operations, oldest first, behind the given one: open ones that were requested at
    /// `open_since` or before, and those that the acquirer contradicted after their outcome.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn needing_people(
        &self,
        open_since: Timestamp,
        after: Option<OperationId>,
        limit: u32,
    ) -> Result<Vec<OperationBody>, ViewError>;
}
