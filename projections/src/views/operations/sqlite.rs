//! The operations view on SQLite.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::OperationBody;
use super::fold::{OperationRow, OperationsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed, selecting};
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &OperationsFold::known_before(batches)).await?;
    let mut fold = OperationsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO operation (partition, operation_id, payment_id, merchant_id, currency, verb,
             amount, amount_settled, status, late, idempotency_key, requested_at, completed_at,
             acquirer_transaction_id, response_code)
         SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3, value ->> 4,
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
             value ->> 11, value ->> 12, value ->> 13, value ->> 14
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (partition, operation_id) DO UPDATE SET
             amount_settled = excluded.amount_settled,
             status = excluded.status,
             late = excluded.late,
             completed_at = excluded.completed_at,
             acquirer_transaction_id = excluded.acquirer_transaction_id,
             response_code = excluded.response_code",
    )
    .bind(json(fold.rows.values()))
    .execute(tx)
    .await
    .map_err(failed(View::Operations))?;
    Ok(())
}

macro_rules! columns {
    () => {
        "partition, operation_id, payment_id, merchant_id, currency, verb, amount,
         amount_settled, status, late, idempotency_key, requested_at, completed_at,
         acquirer_transaction_id, response_code"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM ", $rest)
    };
}

async fn load(
    tx: &mut SqliteConnection,
    wanted: &BTreeMap<OperationId, Partition>,
) -> Result<BTreeMap<OperationId, OperationRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<(Partition, Uuid)> =
        wanted.iter().map(|(id, partition)| (*partition, id.uuid())).collect();
    let rows = sqlx::query(select!(
        "json_each(?1) AS wanted CROSS JOIN operation
         WHERE operation.partition = wanted.value ->> 0
           AND operation.operation_id = unhex(wanted.value ->> 1)"
    ))
    .bind(json(wanted.iter()))
    .fetch_all(tx)
    .await
    .map_err(failed(View::Operations))?;
    rows.iter().map(|row| read(row).map(|row| (row.operation.operation_id, row))).collect()
}

pub(in crate::views) const SELECT: Select =
    Select { table: "operation", columns: columns!(), totals: None };

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<OperationBody>, ViewError> {
    let read = |columns: &SqliteColumns<'_>| Ok(OperationRow::read(columns)?.operation);
    selecting::page(tx, query, &SELECT, read).await
}

pub(in crate::views) async fn needing_people(
    tx: &mut SqliteConnection,
    open_since: Timestamp,
    after: Option<OperationId>,
    limit: u32,
) -> Result<Vec<OperationBody>, ViewError> {
    let after = after.map_or(Uuid::nil(), OperationId::uuid);
    let rows = sqlx::query(select!(
        "operation
         WHERE (status IN ('PENDING', 'UNKNOWN') AND requested_at <= ?1 OR late IS NOT NULL)
             AND operation_id > ?2 ORDER BY operation_id LIMIT ?3"
    ))
    .bind(open_since.micros())
    .bind(after.as_bytes().as_slice())
    .bind(limit)
    .fetch_all(tx)
    .await
    .map_err(failed(View::Operations))?;
    rows.iter().map(|row| Ok(read(row)?.operation)).collect()
}

fn read(row: &SqliteRow) -> Result<OperationRow, ViewError> {
    OperationRow::read(&SqliteColumns { row, view: View::Operations })
}
