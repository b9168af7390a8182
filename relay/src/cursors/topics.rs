//! Which topics have cursors here: whoever repairs them must know all.

use async_trait::async_trait;
use daybook_engine::broker::topic::TopicName;
use daybook_engine::ledger::StoreError;

/// The port, for a ledger that is adopted while nothing serves from it.
#[async_trait]
pub trait KnownTopics: Send + Sync + 'static {
    /// The topics that a cursor was saved for, in order of name.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn topics(&self) -> Result<Vec<TopicName>, StoreError>;
}

/// The statement, on either store.
pub(super) const TOPICS: &str = "SELECT DISTINCT topic FROM relay_cursor ORDER BY topic";

/// Names as they were saved.
pub(super) fn named(names: &[String]) -> Result<Vec<TopicName>, StoreError> {
    let damaged = |cause: String| StoreError::Damaged { store: "relay", cause };
    let name = |name: &String| name.parse().map_err(|cause| damaged(format!("{name:?} {cause}")));
    names.iter().map(name).collect()
}
