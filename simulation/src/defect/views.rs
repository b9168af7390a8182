//! A defect of the views.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_projections::verify::ViewSnapshot;
use daybook_projections::views::{
    Applied, Batch, ParkedPayments, Unparked, Unparking, ViewCursors,
};
use daybook_projections::{ViewError, ViewStore};

/// Moves its cursors without the rows, every fourth time.
pub(super) struct CursorWithoutRows {
    views: Arc<dyn ViewStore>,
    applied: AtomicU64,
}

impl CursorWithoutRows {
    pub(super) fn new(views: Arc<dyn ViewStore>) -> Self {
        Self { views, applied: AtomicU64::new(0) }
    }
}

#[async_trait]
impl ViewStore for CursorWithoutRows {
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
        self.views.cursors().await
    }

    fn writers(&self) -> usize {
        self.views.writers()
    }

    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError> {
        let mut batches = batches.to_vec();
        if self.applied.fetch_add(1, Ordering::SeqCst) % 4 == 3 {
            batches.iter_mut().for_each(|batch| batch.events.clear());
        }
        self.views.apply(&batches).await
    }

    async fn parked(&self) -> Result<ParkedPayments, ViewError> {
        self.views.parked().await
    }

    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError> {
        self.views.parked_counts().await
    }

    async fn unpark(&self, unparking: Unparking<'_>) -> Result<Unparked, ViewError> {
        self.views.unpark(unparking).await
    }

    async fn snapshot(&self, partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.views.snapshot(partition).await
    }
}
