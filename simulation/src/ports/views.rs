//! The views as one process reaches them.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_projections::verify::ViewSnapshot;
use daybook_projections::views::{
    Applied, Batch, ParkedPayments, Unparked, Unparking, ViewCursors,
};
use daybook_projections::{ViewError, ViewStore};

use super::{lost, unavailable};
use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct ViewsPort(pub(crate) Arc<Door>);

impl ViewsPort {
    /// The store of the moment: it may be lost under a running projector.
    fn now(&self) -> Arc<dyn ViewStore> {
        self.0.world.views()
    }

    async fn look<T>(
        &self,
        read: impl Future<Output = Result<T, ViewError>>,
    ) -> Result<T, ViewError> {
        if self.0.fails(Fault::ReadFailed, 5) {
            return Err(unavailable("views").into());
        }
        self.0.cross("read of views", Risk::Look, read).await
    }
}

#[async_trait]
impl ViewStore for ViewsPort {
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
        self.look(self.now().cursors()).await
    }

    fn writers(&self) -> usize {
        2
    }

    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError> {
        let door = &self.0;
        if door.fails(Fault::WriteFailed, 50) {
            return Err(unavailable("views").into());
        }
        let apply = async { self.now().apply(batches).await };
        let answer = door.cross("views moved", Risk::Change, apply).await;
        if answer.is_ok() && door.fails(Fault::WriteFailed, 50) {
            return Err(lost("views").into());
        }
        answer
    }

    async fn parked(&self) -> Result<ParkedPayments, ViewError> {
        self.look(self.now().parked()).await
    }

    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError> {
        self.look(self.now().parked_counts()).await
    }

    async fn unpark(&self, unparking: Unparking<'_>) -> Result<Unparked, ViewError> {
        self.now().unpark(unparking).await
    }

    async fn snapshot(&self, partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.now().snapshot(partition).await
    }
}
