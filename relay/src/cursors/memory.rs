//! Cursors in memory, for simulation and tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;

use super::topics::named;
use super::{CursorMove, KnownTopics, RelayCursor, RelayCursors, left_behind};
use daybook_engine::broker::topic::TopicName;

/// Cursors that end with their process.
#[derive(Debug, Default)]
pub struct MemoryRelayCursors {
    cursors: Mutex<HashMap<(String, Partition), RelayCursor>>,
}

#[async_trait]
impl KnownTopics for MemoryRelayCursors {
    async fn topics(&self) -> Result<Vec<TopicName>, StoreError> {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = cursors.keys().map(|(topic, _)| topic.clone()).collect();
        names.sort_unstable();
        names.dedup();
        named(&names)
    }
}

#[async_trait]
impl RelayCursors for MemoryRelayCursors {
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError> {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = |partition: &Partition| cursors.get(&(topic.to_string(), *partition));
        Ok(partitions
            .iter()
            .map(|partition| cursor(partition).copied().unwrap_or_default())
            .collect())
    }

    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError> {
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut moved = Vec::new();
        for change in moves {
            let cursor = cursors.entry((topic.to_string(), change.partition)).or_default();
            if cursor.published == change.from {
                *cursor = change.to;
                moved.push(change.partition);
            }
        }
        Ok(left_behind(moves, &moved))
    }
}
