//! The work store in memory, for tests and simulation: the same promises, kept by one lock.

mod rows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::rows::{Rows, expiry_item};
use super::schedule::after;
use super::{
    Claim, ExpiryEnd, ExpiryItem, ForgetWork, REFUSED_EXPIRY_DELAY, WorkChange, WorkCounts,
    WorkItem, WorkStore,
};
use crate::clock::{Clock, Timestamp};
use crate::cursor::Cursor;
use crate::ids::Partition;
use crate::ledger::StoreError;

/// Keeps nothing when it is dropped.
pub struct MemoryWork {
    clock: Arc<dyn Clock>,
    rows: Mutex<Rows>,
}

impl MemoryWork {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rows: Mutex::default() }
    }

    /// Every open operation, by partition, payment and version.
    #[must_use]
    pub fn items(&self) -> Vec<WorkItem> {
        self.rows().items.values().copied().collect()
    }

    /// Every expiry that doesn't wait, by due time.
    #[must_use]
    pub fn expiries(&self) -> Vec<ExpiryItem> {
        self.rows().expiries.iter().copied().map(expiry_item).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ForgetWork for MemoryWork {
    async fn forget(&self) -> Result<(), StoreError> {
        self.rows().forget();
        Ok(())
    }
}

#[async_trait]
impl WorkStore for MemoryWork {
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
        let rows = self.rows();
        let cursor = |partition| rows.cursors.get(partition).copied().unwrap_or_default();
        Ok(partitions.iter().map(cursor).collect())
    }

    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let stands = |(partition, from, _): &(Partition, Cursor, Cursor)| {
            rows.cursors.get(partition).copied().unwrap_or_default() == *from
        };
        if !moves.iter().all(stands) {
            return Ok(false);
        }
        rows.cursors.extend(moves.iter().map(|(partition, _, to)| (*partition, *to)));
        rows.apply(changes);
        Ok(true)
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let now = self.clock.now();
        let mut rows = self.rows();
        let asked = |item: &&WorkItem| partitions.contains(&item.partition);
        let open = rows.items.values().filter(asked);
        let mut due: Vec<_> = open.filter(|item| rows.is_claimable(item, now)).copied().collect();
        due.sort_by_key(|item| (item.due_at, item.partition, item.payment_id));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due.into_iter().map(|item| rows.claim(item, after(now, hold))).collect())
    }

    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError> {
        let due_at = after(self.clock.now(), delay);
        let mut rows = self.rows();
        if !rows.release(claim) {
            return Ok(());
        }
        let payment = (claim.item.partition, claim.item.payment_id);
        if let Some(item) = rows.item(payment, claim.item.operation_id) {
            item.due_at = due_at;
            item.attempts = item.attempts.saturating_add(1);
        }
        rows.flag(payment, flagged_since);
        Ok(())
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let due_at = after(self.clock.now(), delay);
        let mut rows = self.rows();
        if rows.release(claim) {
            let payment = (claim.item.partition, claim.item.payment_id);
            let item = rows.item(payment, claim.item.operation_id);
            if let Some(item) = item.filter(|item| item.attempts == claim.item.attempts) {
                item.due_at = due_at;
            }
        }
        Ok(())
    }

    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError> {
        let now = self.clock.now();
        let rows = self.rows();
        let due = rows.expiries.iter().take_while(|(due_at, ..)| *due_at <= now);
        let asked = due.filter(|(_, partition, _)| partitions.contains(partition));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(asked.take(limit).copied().map(expiry_item).collect())
    }

    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError> {
        let again = after(self.clock.now(), REFUSED_EXPIRY_DELAY);
        let mut rows = self.rows();
        for (item, end) in settled {
            let payment = (item.partition, item.payment_id);
            let stood = rows.expiries.remove(&(item.due_at, item.partition, item.payment_id));
            match end {
                ExpiryEnd::Waits if stood && rows.refuses_expiry(payment) => {
                    rows.waiting.insert(payment);
                }
                ExpiryEnd::Waits if stood => {
                    rows.expiries.insert((again, item.partition, item.payment_id));
                }
                ExpiryEnd::Waits | ExpiryEnd::Done => {}
            }
        }
        Ok(())
    }

    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
        let now = self.clock.now();
        let rows = self.rows();
        let asked = |partition: &Partition| partitions.contains(partition);
        let items = || rows.items.values().filter(|item| asked(&item.partition));
        let claims = rows.claims.iter().filter(|((partition, _), _)| asked(partition));
        let due = rows.expiries.iter().take_while(|(due_at, ..)| *due_at <= now);
        let waiting = rows.waiting.iter().filter(|(partition, _)| asked(partition));
        Ok(WorkCounts {
            open: number(items().count()),
            flagged: number(items().filter(|item| item.flagged).count()),
            claimed: number(claims.filter(|(_, held)| held.until > now).count()),
            expiries_due: number(due.filter(|(_, partition, _)| asked(partition)).count()),
            expiries_waiting: number(waiting.count()),
        })
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
