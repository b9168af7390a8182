//! The one row that says which ledger this is.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::super::{DEFAULT_PARTITIONS, LedgerIdentity, READER_VERSION, StoreError};
use super::STORE;
use crate::ids::{LedgerId, Partition};
use crate::sqlite::Database;

const MAX_PARTITIONS: u16 = 1024;

pub(super) async fn find_or_create(
    database: &Database,
    wanted: Option<u16>,
    new_id: LedgerId,
) -> Result<LedgerIdentity, StoreError> {
    let mut writer = database.writer().await;
    if let Some(identity) = find(database, &mut writer, wanted).await? {
        return Ok(identity);
    }
    let mut tx = database.begin(&mut writer).await?;
    // Another process may have created it in the meantime.
    if let Some(identity) = find(database, &mut tx, wanted).await? {
        return Ok(identity);
    }
    let partitions = wanted.unwrap_or(DEFAULT_PARTITIONS);
    if !(1..=MAX_PARTITIONS).contains(&partitions) {
        return Err(StoreError::Refused(format!(
            "--partitions is {partitions}: set it from 1 to {MAX_PARTITIONS}"
        )));
    }
    let identity = LedgerIdentity { id: new_id, incarnation: 1, partitions };
    create(&mut tx, identity).await.map_err(|error| database.unavailable(&error))?;
    tx.commit().await.map_err(|error| database.unavailable(&error))?;
    Ok(identity)
}

async fn find(
    database: &Database,
    connection: &mut SqliteConnection,
    wanted: Option<u16>,
) -> Result<Option<LedgerIdentity>, StoreError> {
    let row = sqlx::query(
        "SELECT id, incarnation, partitions, lowest_reader_version,
             (SELECT count(*) FROM ledger_partition) AS partition_rows
         FROM ledger",
    )
    .fetch_optional(connection)
    .await
    .map_err(|error| database.unavailable(&error))?;
    row.map(|row| recorded(&row, wanted)).transpose()
}

fn recorded(row: &SqliteRow, wanted: Option<u16>) -> Result<LedgerIdentity, StoreError> {
    let damaged =
        |error: sqlx::Error| StoreError::Damaged { store: STORE, cause: error.to_string() };
    let lowest_reader_version: u32 = row.try_get("lowest_reader_version").map_err(damaged)?;
    if lowest_reader_version > READER_VERSION {
        return Err(StoreError::Refused(format!(
            "the ledger needs a build that reads version {lowest_reader_version}, and this one \
             reads version {READER_VERSION}: upgrade daybook"
        )));
    }
    let partitions: u16 = row.try_get("partitions").map_err(damaged)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != partitions) {
        return Err(StoreError::Refused(format!(
            "--partitions is {wanted}, but this ledger was created with {partitions}, and that \
             never changes: set --partitions to {partitions}, or leave it out"
        )));
    }
    let partition_rows: i64 = row.try_get("partition_rows").map_err(damaged)?;
    if partition_rows != i64::from(partitions) {
        return Err(StoreError::Damaged {
            store: STORE,
            cause: format!("it has {partitions} partitions and {partition_rows} heads"),
        });
    }
    let id: &[u8] = row.try_get("id").map_err(damaged)?;
    let id = Uuid::from_slice(id)
        .map_err(|error| StoreError::Damaged { store: STORE, cause: error.to_string() })?;
    let incarnation = row.try_get("incarnation").map_err(damaged)?;
    Ok(LedgerIdentity { id: LedgerId::from_uuid(id), incarnation, partitions })
}

async fn create(
    connection: &mut SqliteConnection,
    identity: LedgerIdentity,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ledger (only, id, incarnation, partitions, lowest_reader_version)
         VALUES (1, ?, ?, ?, ?)",
    )
    .bind(identity.id.uuid().into_bytes().to_vec())
    .bind(identity.incarnation)
    .bind(identity.partitions)
    .bind(READER_VERSION)
    .execute(&mut *connection)
    .await?;
    for partition in Partition::all(identity.partitions) {
        sqlx::query("INSERT INTO ledger_partition (partition, head) VALUES (?, 0)")
            .bind(partition.number())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
