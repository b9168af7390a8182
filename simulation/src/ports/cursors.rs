//! The relay's cursors as one process reaches them.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::broker::topic::TopicName;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_relay::cursors::{CursorMove, RelayCursor, RelayCursors};

use super::{lost, unavailable};
use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct CursorsPort(pub(crate) Arc<Door>);

#[async_trait]
impl RelayCursors for CursorsPort {
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError> {
        let door = &self.0;
        if door.fails(Fault::ReadFailed, 10) {
            return Err(unavailable("relay cursors"));
        }
        let cursors = door.world.stores().cursors.clone();
        door.cross("read of the relay's cursors", Risk::Look, cursors.load(topic, partitions)).await
    }

    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError> {
        let door = &self.0;
        if door.fails(Fault::WriteFailed, 50) {
            return Err(unavailable("relay cursors"));
        }
        let cursors = door.world.stores().cursors.clone();
        let saved =
            door.cross("relay's cursors saved", Risk::Change, cursors.save(topic, moves)).await;
        if door.fails(Fault::WriteFailed, 50) {
            return Err(lost("relay cursors"));
        }
        saved
    }
}
