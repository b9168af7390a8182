//! Leases on Postgres, beside the work rows.
//!
//! Every transaction first locks one row of its role, that of partition 0, in a statement of its
//! own: those of a role come one after another, each sees what the one before it did, and none holds
//! a second lock that another could wait for. A row does so, and not an advisory lock, because it
//! needs no number that nobody else may use, and shows in `pg_locks` what is waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::fair::{Held, fair_share};
use super::{LeaseRole, LeaseStore};
use crate::durability::Durability;
use crate::ids::Partition;
use crate::ledger::StoreError;
use crate::postgres::values::smallint;
use crate::postgres::{Database, PostgresSettings};
use crate::work::postgres::{MIGRATIONS, columns, millis};

const STORE: &str = "lease";
/// The keepers of one process ask one after another.
const POOL_MAX: u32 = 2;

/// The leases that the processes of a ledger share. A power cut may take the last ones back: they
/// are given again.
#[derive(Debug)]
pub struct PostgresLeases {
    database: Database,
}

impl PostgresLeases {
    /// Connects.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let settings =
            PostgresSettings { pool_max: settings.pool_max.min(POOL_MAX), ..settings.clone() };
        let database = Database::connect(STORE, &settings, Durability::Normal, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// How many processes hold leases now, of whatever role.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn live_holders(&self) -> Result<u64, StoreError> {
        let counting = sqlx::query_scalar::<_, i64>(
            "SELECT count(DISTINCT holder) FROM lease_holder WHERE until > clock_timestamp()",
        );
        let count = self.database.answered(counting.fetch_one(self.database.pool())).await?;
        Ok(count.unsigned_abs())
    }

    /// Ends its connections. The last call of all.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl LeaseStore for PostgresLeases {
    async fn share(
        &self,
        role: LeaseRole,
        holder: Uuid,
        hold: Duration,
    ) -> Result<Vec<Partition>, StoreError> {
        let mut transaction = self.database.begin(&lock(role)).await?;
        let shared = share(transaction.connection(), role, holder, hold);
        let share = self.database.answered(shared).await?;
        if share.is_none() {
            transaction.roll_back().await?;
        } else {
            transaction.commit().await?;
        }
        share.ok_or_else(|| {
            StoreError::Refused(format!(
                "there are no leases for {}: run `daybook migrate`",
                role.as_str()
            ))
        })
    }

    async fn leave(&self, role: LeaseRole, holder: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.database.begin(&lock(role)).await?;
        let left =
            sqlx::query(LEAVE).bind(role.as_str()).bind(holder).execute(transaction.connection());
        self.database.answered(left).await?;
        transaction.commit().await
    }
}

fn lock(role: LeaseRole) -> String {
    format!("SELECT FROM lease WHERE role = '{}' AND partition = 0 FOR UPDATE", role.as_str())
}

/// What `holder` holds now; `None` where the role has no rows.
async fn share(
    connection: &mut PgConnection,
    role: LeaseRole,
    holder: Uuid,
    hold: Duration,
) -> sqlx::Result<Option<Vec<Partition>>> {
    let (partitions, held) = renew(connection, role, holder, hold).await?;
    if partitions.is_empty() {
        return Ok(None);
    }
    let share = fair_share(holder, &partitions, &held);
    let before = held.get(&holder);
    if before.is_none_or(|before| !before.iter().eq(&share)) {
        let share: Vec<_> = share.iter().copied().map(smallint).collect();
        let moved = sqlx::query(MOVE).bind(role.as_str()).bind(holder).bind(share);
        moved.execute(connection).await?;
    }
    Ok(Some(share))
}

/// Says that the holder is alive and forgets those that are not; every partition with its live
/// holder, and every other live holder. That is read as it was before: a new holder is not in it.
const RENEW: &str = "
    WITH clock AS MATERIALIZED (
        SELECT clock_timestamp() AS now
    ), renewed AS (
        INSERT INTO lease_holder (role, holder, until)
        SELECT $1, $2, now + $3 * interval '1 millisecond' FROM clock
        ON CONFLICT (role, holder) DO UPDATE SET until = excluded.until
    ), gone AS (
        DELETE FROM lease_holder
        WHERE role = $1 AND holder <> $2 AND until <= (SELECT now FROM clock)
    ), live AS (
        SELECT holder FROM lease_holder
        WHERE role = $1 AND (holder = $2 OR until > (SELECT now FROM clock))
    )
    SELECT lease.partition, live.holder
    FROM (SELECT partition, holder FROM lease WHERE role = $1) AS lease
    FULL JOIN live ON live.holder = lease.holder";

async fn renew(
    connection: &mut PgConnection,
    role: LeaseRole,
    holder: Uuid,
    hold: Duration,
) -> sqlx::Result<(BTreeSet<Partition>, Held)> {
    let rows = sqlx::query(RENEW)
        .bind(role.as_str())
        .bind(holder)
        .bind(millis(hold))
        .fetch_all(connection)
        .await?;
    let (mut partitions, mut held) = (BTreeSet::new(), Held::new());
    for row in &rows {
        let partition: Option<i16> = row.try_get("partition")?;
        let partition = partition.map(columns::partition_of).transpose()?;
        partitions.extend(partition);
        if let Some(holder) = row.try_get("holder")? {
            held.entry(holder).or_default().extend(partition);
        }
    }
    Ok((partitions, held))
}

/// Gives the holder `$3` and nothing else.
const MOVE: &str = "
    UPDATE lease SET holder = CASE WHEN partition = ANY($3) THEN $2 END
    WHERE role = $1 AND (holder = $2) IS DISTINCT FROM (partition = ANY($3))";

const LEAVE: &str = "
    WITH left_by AS (
        DELETE FROM lease_holder WHERE role = $1 AND holder = $2
    )
    UPDATE lease SET holder = NULL WHERE role = $1 AND holder = $2";
