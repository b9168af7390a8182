//! The work store on Postgres, beside the ledger, shared by any number of processes.
//!
//! Every transaction that changes work rows first locks its partitions' cursors, in ascending order
//! and in a statement of its own: what follows sees all that was committed before, of two processes
//! one waits for the other, and neither for ever. The store's clock is the database's.

mod changes;
mod claims;
pub(crate) mod columns;
mod expiries;
mod forgetting;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;

use super::{
    Claim, ExpiryEnd, ExpiryItem, REFUSED_EXPIRY_DELAY, WorkChange, WorkCounts, WorkStore,
};
use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::durability::Durability;
use crate::ids::Partition;
use crate::lease::LeaseRole;
use crate::ledger::StoreError;
use crate::migration::Migration;
use crate::postgres::values::smallint;
use crate::postgres::{Database, Migrator, PostgresSettings};

const STORE: &str = "work";

/// The scripts that this store needs.
pub const MIGRATIONS: &[Migration] = &[Migration {
    number: 2,
    name: "work",
    sql: include_str!("../../../migrations/postgres/0002_work.sql"),
}];

/// The work store of one process.
#[derive(Debug)]
pub struct PostgresWork {
    /// For reading, and for what falls back together with its cursor after a power cut.
    rows: Database,
    /// For claims: the worker that holds one goes on where the database loses its power.
    claims: Database,
}

impl PostgresWork {
    /// Applies what is missing, and adds the rows that each partition needs; what it applied.
    ///
    /// # Errors
    /// When the schema can't be changed.
    pub async fn migrate(
        migrator: &mut Migrator,
        partitions: u16,
    ) -> Result<Vec<Migration>, StoreError> {
        let applied = migrator.apply(MIGRATIONS).await?;
        let partitions: Vec<_> = Partition::all(partitions).map(smallint).collect();
        let roles = LeaseRole::ALL.map(LeaseRole::as_str);
        let cursors = sqlx::query(
            "INSERT INTO work_cursor (partition, position) SELECT partition, 0
             FROM unnest($1::int2[]) AS partition ON CONFLICT DO NOTHING",
        );
        let added = cursors.bind(&partitions).execute(migrator.connection()).await;
        added.map_err(|error| migrator.failed(&error))?;
        let leases = sqlx::query(
            "INSERT INTO lease (role, partition) SELECT role, partition
             FROM unnest($1::text[]) AS role CROSS JOIN unnest($2::int2[]) AS partition
             ON CONFLICT DO NOTHING",
        );
        let added = leases.bind(&roles[..]).bind(&partitions).execute(migrator.connection()).await;
        added.map_err(|error| migrator.failed(&error))?;
        Ok(applied)
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let rows = Database::connect(STORE, settings, Durability::Normal, MIGRATIONS).await?;
        let claims = Database::connect(STORE, settings, Durability::Full, MIGRATIONS).await?;
        Ok(Self { rows, claims })
    }

    /// Ends its connections. The last call of all.
    pub async fn close(&self) {
        tokio::join!(self.rows.close(), self.claims.close());
    }
}

#[async_trait]
impl WorkStore for PostgresWork {
    async fn cursors(&self, partitions: &[Partition]) -> Result<Vec<Cursor>, StoreError> {
        let found = changes::cursors(self.rows.pool(), partitions);
        let found = self.rows.answered(found).await?;
        let cursor = |partition: &Partition| {
            // Without its row a partition has no lock either.
            found.get(partition).copied().ok_or_else(|| {
                StoreError::Refused(format!(
                    "the work store has no cursor of partition {partition}: run `daybook migrate`"
                ))
            })
        };
        partitions.iter().map(cursor).collect()
    }

    async fn apply(
        &self,
        changes: &[WorkChange],
        moves: &[(Partition, Cursor, Cursor)],
    ) -> Result<bool, StoreError> {
        let lock = lock(&changes::partitions(changes, moves));
        let mut transaction = self.rows.begin(&lock).await?;
        let applied = changes::apply(transaction.connection(), changes, moves);
        let is_applied = self.rows.answered(applied).await?;
        if is_applied {
            transaction.commit().await?;
        } else {
            transaction.roll_back().await?;
        }
        Ok(is_applied)
    }

    async fn claim(
        &self,
        partitions: &[Partition],
        hold: Duration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut connection = self.claims.answered(self.claims.pool().acquire()).await?;
        let claimable = claims::claimable(&mut connection, partitions, limit);
        let claimable = self.claims.answered(claimable).await?;
        if claimable.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.claims.begin_on(connection, &lock(&claimable)).await?;
        let claimed = claims::claim(transaction.connection(), &claimable, hold, limit);
        let claimed = self.claims.answered(claimed).await?;
        transaction.commit().await?;
        Ok(claimed)
    }

    async fn put_back(
        &self,
        claim: &Claim,
        delay: Duration,
        flagged_since: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.claims.begin(&lock(&[claim.item.partition])).await?;
        let put_back = claims::put_back(transaction.connection(), claim, delay, flagged_since);
        if self.claims.answered(put_back).await? {
            transaction.commit().await
        } else {
            transaction.roll_back().await
        }
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        // Of no weight after a power cut: then it runs out by itself.
        let mut transaction = self.rows.begin(&lock(&[claim.item.partition])).await?;
        let released = claims::release(transaction.connection(), claim, delay);
        if self.rows.answered(released).await? {
            transaction.commit().await
        } else {
            transaction.roll_back().await
        }
    }

    async fn due_expiries(
        &self,
        partitions: &[Partition],
        limit: u32,
    ) -> Result<Vec<ExpiryItem>, StoreError> {
        self.rows.answered(expiries::due(self.rows.pool(), partitions, limit)).await
    }

    async fn settle_expiries(&self, settled: &[(ExpiryItem, ExpiryEnd)]) -> Result<(), StoreError> {
        let mut partitions: Vec<_> = settled.iter().map(|(item, _)| item.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        let mut transaction = self.rows.begin(&lock(&partitions)).await?;
        let ended = expiries::settle(transaction.connection(), settled, REFUSED_EXPIRY_DELAY);
        self.rows.answered(ended).await?;
        transaction.commit().await
    }

    async fn counts(&self, partitions: &[Partition]) -> Result<WorkCounts, StoreError> {
        let counts = sqlx::query(
            "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
             SELECT
                (SELECT count(*) FROM work_item WHERE partition = ANY($1)),
                (SELECT count(*) FROM work_item WHERE partition = ANY($1) AND flagged),
                (SELECT count(*) FROM claim WHERE partition = ANY($1)
                    AND until > (SELECT now FROM clock)),
                (SELECT count(*) FROM expiry WHERE partition = ANY($1)
                    AND due_at <= (SELECT now FROM clock)),
                (SELECT count(*) FROM expiry_waiting WHERE partition = ANY($1))",
        );
        let counts = counts.bind(columns::partitions(partitions)).fetch_one(self.rows.pool());
        let counts = self.rows.answered(counts).await?;
        let count = |column: usize| {
            let count: sqlx::Result<i64> = counts.try_get(column);
            count.map(i64::unsigned_abs).map_err(|error| self.rows.unavailable(&error))
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

/// Locks the partitions' work rows, by locking their cursors.
fn lock(partitions: &[Partition]) -> String {
    let numbers: Vec<_> = partitions.iter().map(ToString::to_string).collect();
    format!(
        "SELECT FROM work_cursor WHERE partition = ANY ('{{{}}}'::int2[])
         ORDER BY partition FOR UPDATE",
        numbers.join(",")
    )
}

/// A longer time is as good as a century, and an interval has an end.
pub(crate) fn millis(time: Duration) -> i64 {
    const CENTURY_MS: u128 = 100 * 366 * 24 * 3_600 * 1_000;
    i64::try_from(time.as_millis().min(CENTURY_MS)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
