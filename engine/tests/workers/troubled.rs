//! A work store in the hands of a process that dies, or lags.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::work::memory::MemoryWork;
use daybook_engine::work::{Claim, ExpiryEnd, ExpiryItem, WorkChange, WorkCounts, WorkStore};

/// The store as a process in trouble uses it.
pub(crate) struct Troubled {
    work: Arc<MemoryWork>,
    trouble: Trouble,
    looks: AtomicUsize,
    has_folded: AtomicBool,
    has_claimed: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// It dies right after each claim.
    DiesAtClaims,
    /// Its folds come to nothing, so that the rows lag behind the ledger.
    FoldsNothing,
    /// It never learns what became of its first fold and its first claims.
    LosesFirstAnswers,
    /// It gets no answer at all.
    IsCutOff,
}

impl Troubled {
    pub(crate) fn new(work: Arc<MemoryWork>, trouble: Trouble) -> Self {
        Self {
            work,
            trouble,
            looks: AtomicUsize::default(),
            has_folded: AtomicBool::default(),
            has_claimed: AtomicBool::default(),
        }
    }

    /// How often it was asked where the fold stands: once a round.
    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    fn answer(&self, has_answered: &AtomicBool) -> Result<(), StoreError> {
        if has_answered.swap(true, Ordering::SeqCst) || self.trouble != Trouble::LosesFirstAnswers {
            return Ok(());
        }
        Err(StoreError::AnswerLost { store: "work", cause: "cut".to_owned() })
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.trouble {
            Trouble::IsCutOff => {
                Err(StoreError::Unavailable { store: "work", cause: "cut off".to_owned() })
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl WorkStore for Troubled {
    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.check()?;
        let claims = self.work.claim(partitions, hold, limit).await?;
        if !claims.is_empty() {
            self.answer(&self.has_claimed)?;
        }
        Ok(if self.trouble == Trouble::DiesAtClaims { Vec::new() } else { claims })
    }

    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        self.work.cursors(partitions).await
    }

    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        self.check()?;
        if self.trouble == Trouble::FoldsNothing {
            return Ok(false);
        }
        let applied = self.work.apply(changes, moves).await?;
        self.answer(&self.has_folded)?;
        Ok(applied)
    }

    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError> {
        self.check()?;
        self.work.put_back(claim, delay, flagged_since).await
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        self.check()?;
        self.work.release(claim, delay).await
    }

    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError> {
        self.check()?;
        self.work.due_expiries(partitions, limit).await
    }

    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError> {
        self.check()?;
        self.work.settle_expiries(settled).await
    }

    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
        self.check()?;
        self.work.counts(partitions).await
    }
}
