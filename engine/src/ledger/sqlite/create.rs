//! The one row that says which ledger this is.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::super::identity::{LedgerRow, new_identity};
use super::super::{IncarnationStart, Incarnations, LedgerIdentity, READER_VERSION, StoreError};
use super::STORE;
use super::read::{damaged, unsigned};
use crate::ids::{LedgerId, Partition};
use crate::sqlite::Database;

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
    let identity = new_identity(new_id, wanted)?;
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
             (SELECT count(*) FROM ledger_partition) AS heads
         FROM ledger",
    )
    .fetch_optional(connection)
    .await
    .map_err(|error| database.unavailable(&error))?;
    let Some(row) = row else { return Ok(None) };
    ledger_row(&row).map_err(|error| damaged(&error))?.check(STORE, wanted).map(Some)
}

/// Where the incarnations of the ledger began.
pub(super) async fn incarnations(database: &Database) -> Result<Incarnations, StoreError> {
    let rows = sqlx::query("SELECT incarnation, partition, begun_after FROM incarnation")
        .fetch_all(database.readers())
        .await
        .map_err(|error| database.unavailable(&error))?;
    let start = |row: &SqliteRow| {
        let begun_after = unsigned(row, 2)?;
        let incarnation = row.try_get(0).map_err(|error| damaged(&error))?;
        let partition = row.try_get(1).map(Partition::new).map_err(|error| damaged(&error))?;
        Ok(IncarnationStart { incarnation, partition, begun_after })
    };
    rows.iter().map(start).collect::<Result<_, _>>().map(Incarnations::new)
}

fn ledger_row(row: &SqliteRow) -> Result<LedgerRow, sqlx::Error> {
    let id = Uuid::from_slice(row.try_get("id")?);
    Ok(LedgerRow {
        id: id.map_err(|error| sqlx::Error::Decode(error.into()))?,
        incarnation: row.try_get("incarnation")?,
        partitions: row.try_get("partitions")?,
        lowest_reader_version: row.try_get("lowest_reader_version")?,
        heads: row.try_get("heads")?,
    })
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
