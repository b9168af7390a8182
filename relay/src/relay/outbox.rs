//! The outbox: the events of the ledger that the topic has not acknowledged yet.

use std::time::Duration;

use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Ledger, StoreError, Stretch};

use crate::cursors::RelayCursors;
use daybook_engine::broker::topic::TopicName;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    pub events: u64,
    /// How long the oldest of them has been in the ledger; zero where there are none.
    pub age: Duration,
}

/// The outbox of some partitions of a topic, as its saved cursors have it.
///
/// # Errors
/// When a store can't be read.
pub async fn outbox(
    ledger: &dyn Ledger,
    cursors: &dyn RelayCursors,
    topic: &TopicName,
    partitions: &[Partition],
    clock: &dyn Clock,
) -> Result<Outbox, StoreError> {
    // The cursors first: a head never stands before a cursor that was read earlier.
    let cursors = cursors.load(topic, partitions).await?;
    let heads = ledger.heads().await?;
    let mut events = 0_u64;
    let mut oldest = Vec::new();
    for (partition, cursor) in partitions.iter().zip(cursors) {
        let head = heads.get(partition.index()).map_or(0, |head| head.position);
        let behind = head.saturating_sub(cursor.published.position);
        events = events.saturating_add(behind);
        if behind > 0 {
            let from = cursor.published.position.saturating_add(1);
            oldest.push(Stretch { partition: *partition, from, limit: 1 });
        }
    }
    if oldest.is_empty() {
        return Ok(Outbox::default());
    }
    let oldest = ledger.read(&oldest).await?.into_iter().map(|event| event.recorded_at).min();
    let now = clock.now();
    let millis = oldest.map_or(0, |oldest| now.millis().saturating_sub(oldest.millis()));
    Ok(Outbox { events, age: Duration::from_millis(u64::try_from(millis).unwrap_or(0)) })
}
