//! How far the topic is: one cursor for each partition of a topic, beside the work rows.
//!
//! A cursor never stands beyond what the topic has acknowledged, and may fall back (after a power
//! cut, or because somebody rewinds it): what follows is published again, which harms nobody.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod postgres;
pub mod sqlite;
mod topics;

pub use topics::KnownTopics;

use async_trait::async_trait;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;

use daybook_engine::broker::topic::TopicName;

/// One partition's; the default is the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCursor {
    /// Everything up to here is in the topic.
    pub published: Cursor,
    /// Where the last of it stands there; `None` where that is not known.
    pub offset: Option<u64>,
    /// The topic begins after this position: it was created anew when the cursor stood there.
    pub begun_after: u64,
}

/// A partition's cursor, from where it stood to where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorMove {
    pub partition: Partition,
    /// Compared, position and event.
    pub from: Cursor,
    pub to: RelayCursor,
}

/// The port.
#[async_trait]
pub trait RelayCursors: Send + Sync + 'static {
    /// Those of these partitions, in their order; the start where none was saved.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError>;

    /// Moves each cursor (each partition at most once) that stands where it is said to, position and
    /// event. The partitions of those that stood elsewhere and were not moved, in order.
    ///
    /// # Errors
    /// When the store can't be written; then any of them may have moved.
    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError>;
}

/// The partitions of `moves` that `moved` has not.
fn left_behind(moves: &[CursorMove], moved: &[Partition]) -> Vec<Partition> {
    let mut left: Vec<_> = moves.iter().map(|change| change.partition).collect();
    left.retain(|partition| !moved.contains(partition));
    left.sort_unstable();
    left
}
