//! The one row that says which ledger this is.

use sqlx::postgres::{PgExecutor, PgRow};
use sqlx::{Connection, Row};

use super::super::identity::{LedgerRow, new_identity};
use super::super::{IncarnationStart, Incarnations, LedgerIdentity, READER_VERSION, StoreError};
use super::STORE;
use super::read::{damaged, number, unsigned};
use crate::ids::{LedgerId, Partition};
use crate::postgres::{Database, Migrator};

/// The ledger of a migrated database.
pub(super) async fn find(
    database: &Database,
    wanted: Option<u16>,
) -> Result<LedgerIdentity, StoreError> {
    let row = read(database.pool()).await.map_err(|error| database.unavailable(&error))?;
    match row {
        Some(row) => checked(&row, wanted),
        None => Err(StoreError::Refused(
            "the database has daybook's schema, but no ledger: run `daybook migrate` as the owner \
             of the database, or start with --migrate"
                .to_owned(),
        )),
    }
}

/// Where the incarnations of the ledger began.
pub(super) async fn incarnations(database: &Database) -> Result<Incarnations, StoreError> {
    let query = sqlx::query("SELECT incarnation, partition, begun_after FROM incarnation");
    let rows = database.answered(query.fetch_all(database.pool())).await?;
    let start = |row: &PgRow| {
        let damaged = |error: sqlx::Error| damaged(&error);
        let partition = number(row.try_get::<i16, _>(1).map_err(damaged)?)?;
        Ok(IncarnationStart {
            incarnation: number(row.try_get::<i32, _>(0).map_err(damaged)?)?,
            partition: Partition::new(partition),
            begun_after: unsigned(row, 2)?,
        })
    };
    rows.iter().map(start).collect::<Result<_, _>>().map(Incarnations::new)
}

/// The migrator is alone among its kind, so nobody else creates one at the same time.
pub(super) async fn find_or_create(
    migrator: &mut Migrator,
    wanted: Option<u16>,
    new_id: LedgerId,
) -> Result<LedgerIdentity, StoreError> {
    let found = read(&mut *migrator.connection()).await;
    if let Some(row) = found.map_err(|error| migrator.failed(&error))? {
        return checked(&row, wanted);
    }
    let identity = new_identity(new_id, wanted)?;
    let created = create(migrator, identity).await;
    created.map(|()| identity).map_err(|error| migrator.failed(&error))
}

async fn read(executor: impl PgExecutor<'_>) -> Result<Option<PgRow>, sqlx::Error> {
    sqlx::query(
        "SELECT id, incarnation, partitions, lowest_reader_version,
             (SELECT count(*) FROM ledger_partition) AS heads
         FROM ledger",
    )
    .fetch_optional(executor)
    .await
}

fn checked(row: &PgRow, wanted: Option<u16>) -> Result<LedgerIdentity, StoreError> {
    let damaged = |error: sqlx::Error| damaged(&error);
    let found = LedgerRow {
        id: row.try_get("id").map_err(damaged)?,
        incarnation: number(row.try_get::<i32, _>("incarnation").map_err(damaged)?)?,
        partitions: number(row.try_get::<i16, _>("partitions").map_err(damaged)?)?,
        lowest_reader_version: number(
            row.try_get::<i32, _>("lowest_reader_version").map_err(damaged)?,
        )?,
        heads: row.try_get("heads").map_err(damaged)?,
    };
    found.check(STORE, wanted)
}

async fn create(migrator: &mut Migrator, identity: LedgerIdentity) -> Result<(), sqlx::Error> {
    let mut tx = migrator.connection().begin().await?;
    sqlx::query(
        "INSERT INTO ledger (id, incarnation, partitions, lowest_reader_version)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(identity.id.uuid())
    .bind(i64::from(identity.incarnation))
    .bind(i32::from(identity.partitions))
    .bind(i64::from(READER_VERSION))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO ledger_partition (partition, head) SELECT generate_series(0, $1 - 1), 0",
    )
    .bind(i32::from(identity.partitions))
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
