//! The work store on SQLite: `work.db`. A power cut may take the last commits back, rows and
//! cursors together, and the fold goes on from there.

mod changes;
mod claims;
mod expiries;
mod forgetting;
mod json;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::MutexGuard;

use super::schedule::after;
use super::{
    Claim, ExpiryEnd, ExpiryItem, REFUSED_EXPIRY_DELAY, WorkChange, WorkCounts, WorkStore,
};
use crate::clock::{Clock, Timestamp};
use crate::cursor::Cursor;
use crate::durability::Durability;
use crate::ids::Partition;
use crate::ledger::StoreError;
use crate::migration::Migration;
use crate::sqlite::Database;

const STORE: &str = "work";

/// The scripts of the file `work.db`, of every store in it.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 2,
        name: "work",
        sql: include_str!("../../../migrations/sqlite/0002_work.sql"),
    },
    Migration {
        number: 4,
        name: "relay",
        sql: include_str!("../../../migrations/sqlite/0004_relay.sql"),
    },
];

/// The work store in one file; its clock is the one it is given.
pub struct SqliteWork {
    database: Database,
    clock: Arc<dyn Clock>,
    /// Whether a call that never ended may have left the writer inside a transaction. Read and
    /// written only by the holder of the writer.
    is_transaction_open: AtomicBool,
}

impl SqliteWork {
    /// Opens (and where needed creates and migrates) the file.
    ///
    /// # Errors
    /// When it can't be opened, or was migrated by a later build.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let database = Database::open(STORE, path, Durability::Normal, MIGRATIONS).await?;
        Ok(Self { database, clock, is_transaction_open: AtomicBool::new(false) })
    }

    /// Writes what the log holds into the file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// A writing transaction, to be ended with [`Self::end`]; where its caller goes away before
    /// that, the next one rolls it back.
    async fn begin(&self) -> Result<MutexGuard<'_, SqliteConnection>, StoreError> {
        let mut writer = self.database.writer().await;
        if self.is_transaction_open.swap(true, Ordering::Relaxed) {
            self.database.roll_back(&mut writer).await;
        }
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut *writer).await;
        begun.map_err(|error| self.database.unavailable(&error))?;
        Ok(writer)
    }

    /// Commits what ended well and is to be kept, and rolls anything else back.
    async fn end<T>(
        &self,
        mut writer: MutexGuard<'_, SqliteConnection>,
        ended: sqlx::Result<T>,
        keep: impl FnOnce(&T) -> bool,
    ) -> Result<T, StoreError> {
        let is_kept = ended.as_ref().is_ok_and(keep);
        let committed = if is_kept {
            sqlx::query("COMMIT").execute(&mut *writer).await.map(|_| ())
        } else {
            Ok(())
        };
        if !is_kept || committed.is_err() {
            self.database.roll_back(&mut writer).await;
        }
        self.is_transaction_open.store(false, Ordering::Relaxed);
        drop(writer);
        let ended = ended.map_err(|error| self.error(&error))?;
        committed
            .map_err(|error| StoreError::AnswerLost { store: STORE, cause: error.to_string() })?;
        Ok(ended)
    }

    fn error(&self, error: &sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                StoreError::Damaged { store: STORE, cause: error.to_string() }
            }
            _ => self.database.unavailable(error),
        }
    }
}

#[async_trait]
impl WorkStore for SqliteWork {
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
        let cursors = changes::cursors(self.database.readers(), partitions).await;
        cursors.map_err(|error| self.error(&error))
    }

    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        let mut writer = self.begin().await?;
        let applied = changes::apply(&mut writer, changes, moves).await;
        self.end(writer, applied, |applied| *applied).await
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut writer = self.begin().await?;
        let now = self.clock.now();
        let claimed = claims::claim(&mut writer, partitions, now, after(now, hold), limit).await;
        self.end(writer, claimed, |claimed| !claimed.is_empty()).await
    }

    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writer = self.begin().await?;
        let due_at = after(self.clock.now(), delay);
        let was_held = claims::put_back(&mut writer, claim, due_at, flagged_since).await;
        self.end(writer, was_held, |was_held| *was_held).await?;
        Ok(())
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let mut writer = self.begin().await?;
        let due_at = after(self.clock.now(), delay);
        let released = claims::release(&mut writer, claim, due_at).await;
        self.end(writer, released, |is_released| *is_released).await.map(|_| ())
    }

    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError> {
        let now = self.clock.now();
        let due = expiries::due(self.database.readers(), partitions, now, limit).await;
        due.map_err(|error| self.error(&error))
    }

    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError> {
        let mut writer = self.begin().await?;
        let again = after(self.clock.now(), REFUSED_EXPIRY_DELAY);
        let ended = expiries::settle(&mut writer, settled, again).await;
        self.end(writer, ended, |()| true).await
    }

    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
        let counts = sqlx::query(
            "WITH asked (partition) AS (SELECT value FROM json_each(?1))
             SELECT
                (SELECT count(*) FROM work_item WHERE partition IN asked),
                (SELECT count(*) FROM work_item WHERE partition IN asked AND flagged),
                (SELECT count(*) FROM claim WHERE partition IN asked AND until > ?2),
                (SELECT count(*) FROM expiry WHERE due_at <= ?2 AND +partition IN asked),
                (SELECT count(*) FROM expiry_waiting WHERE partition IN asked)",
        )
        .bind(json::partitions(partitions))
        .bind(self.clock.now().micros())
        .fetch_one(self.database.readers())
        .await
        .map_err(|error| self.error(&error))?;
        let count = |column| {
            let count: sqlx::Result<i64> = counts.try_get(column);
            count.map(i64::unsigned_abs).map_err(|error| self.error(&error))
        };
        Ok(WorkCounts {
            open: count(0)?,
            flagged: count(1)?,
            claimed: count(2)?,
            expiries_due: count(3)?,
            expiries_waiting: count(4)?,
        })
    }
}

#[cfg(test)]
mod tests;
