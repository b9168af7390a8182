//! Defects of the work rows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::work::{Claim, ExpiryEnd, ExpiryItem, WorkChange, WorkCounts, WorkStore};
use tokio::time::Instant;

/// Work rows over others: what `$own` doesn't say is handed on.
macro_rules! work_over {
    ($name:ident { $($own:tt)* }) => {
        #[async_trait]
        impl WorkStore for $name {
            $($own)*

            async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
                self.work.cursors(partitions).await
            }

            async fn put_back(
                &self,
                claim: &Claim,
                delay: Duration,
                flagged_since: Timestamp,
            ) -> Result<(), StoreError> {
                self.work.put_back(claim, delay, flagged_since).await
            }

            async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
                self.work.release(claim, delay).await
            }

            async fn due_expiries(
                &self,
                partitions: &[Partition],
                limit: u32,
            ) -> Result<Vec<ExpiryItem>, StoreError> {
                self.work.due_expiries(partitions, limit).await
            }

            async fn settle_expiries(
                &self,
                settled: &[(ExpiryItem, ExpiryEnd)],
            ) -> Result<(), StoreError> {
                self.work.settle_expiries(settled).await
            }

            async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
                self.work.counts(partitions).await
            }
        }
    };
}

/// Gives out again, for a while, what it has given out already.
pub(super) struct ClaimIgnored {
    work: Arc<dyn WorkStore>,
    given: Mutex<Vec<(Instant, Claim)>>,
}

impl ClaimIgnored {
    pub(super) fn new(work: Arc<dyn WorkStore>) -> Self {
        Self { work, given: Mutex::default() }
    }
}

work_over!(ClaimIgnored {
    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        self.work.apply(changes, moves).await
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut claims = self.work.claim(partitions, hold, limit).await?;
        let now = Instant::now();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|(since, _)| now < *since + Duration::from_millis(50));
        let again: Vec<Claim> = given.iter().map(|(_, claim)| *claim).collect();
        given.extend(claims.iter().map(|claim| (now, *claim)));
        claims.extend(again);
        claims.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(claims)
    }
});

/// Leaves every fifth open operation out.
pub(super) struct OpenForgotten {
    work: Arc<dyn WorkStore>,
    seen: AtomicU64,
}

impl OpenForgotten {
    pub(super) fn new(work: Arc<dyn WorkStore>) -> Self {
        Self { work, seen: AtomicU64::new(0) }
    }
}

work_over!(OpenForgotten {
    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        let is_kept = |change: &&WorkChange| {
            !matches!(change, WorkChange::Open(_))
                || self.seen.fetch_add(1, Ordering::SeqCst) % 5 < 4
        };
        let kept: Vec<WorkChange> = changes.iter().filter(is_kept).copied().collect();
        self.work.apply(&kept, moves).await
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.work.claim(partitions, hold, limit).await
    }
});
