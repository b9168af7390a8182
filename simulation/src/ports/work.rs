//! The work rows as one process reaches them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::work::{Claim, ExpiryEnd, ExpiryItem, WorkChange, WorkCounts, WorkStore};

use super::{lost, unavailable};
use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct WorkPort {
    pub(crate) door: Arc<Door>,
    pub(crate) work: Arc<dyn WorkStore>,
}

impl WorkPort {
    async fn look<T>(
        &self,
        step: &'static str,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.door.fails(Fault::ReadFailed, 2) {
            return Err(unavailable("work"));
        }
        self.door.cross(step, Risk::Look, read).await
    }

    /// A change that fails was made or not: nobody knows.
    async fn change<T>(
        &self,
        step: &'static str,
        change: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.door.fails(Fault::WriteFailed, 30) {
            return Err(unavailable("work"));
        }
        let answer = self.door.cross(step, Risk::Change, change).await;
        if answer.is_ok() && self.door.fails(Fault::WriteFailed, 60) {
            return Err(lost("work"));
        }
        answer
    }
}

#[async_trait]
impl WorkStore for WorkPort {
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
        self.look("read of work", self.work.cursors(partitions)).await
    }

    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        self.change("fold of work", self.work.apply(changes, moves)).await
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        // Mostly nothing is due.
        let claims = self.look("claim", self.work.claim(partitions, hold, limit)).await?;
        if !claims.is_empty() {
            self.door.pass("claim", Risk::Change, Fault::CrashAfter).await;
        }
        Ok(claims)
    }

    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError> {
        self.change("claim put back", self.work.put_back(claim, delay, flagged_since)).await
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        self.change("claim released", self.work.release(claim, delay)).await
    }

    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError> {
        self.look("read of expiries", self.work.due_expiries(partitions, limit)).await
    }

    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError> {
        self.change("expiries settled", self.work.settle_expiries(settled)).await
    }

    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
        self.look("count of work", self.work.counts(partitions)).await
    }
}
