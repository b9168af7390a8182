//! The operations view on SQLite.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::fold::{OperationRow, OperationsFold};
use super::{OperationBody, OperationKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::row::{Fold, json};
use crate::views::sqlite::{Items, SqliteColumns, failed};
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

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT partition, operation_id, payment_id, merchant_id, currency, verb, amount,
                 amount_settled, status, late, idempotency_key, requested_at, completed_at,
                 acquirer_transaction_id, response_code FROM ",
            $rest
        )
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

macro_rules! page {
    ($of:literal) => {
        concat!(
            "operation WHERE ",
            $of,
            " AND operation_id < ?2 ORDER BY operation_id DESC LIMIT ?3"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<OperationKey>,
) -> Result<Items<OperationBody>, ViewError> {
    let before = after.map_or(Uuid::max(), |OperationKey(id)| id.uuid());
    let statement = match query.merchant_id {
        Some(_) => select!(page!("merchant_id = ?1")),
        None => select!(page!("?1 IS NULL")),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(before.as_bytes().as_slice())
        .bind(query.rows_to_read())
        .fetch_all(tx)
        .await
        .map_err(failed(View::Operations))?;
    let items =
        rows.iter().map(|row| Ok(read(row)?.operation)).collect::<Result<_, ViewError>>()?;
    Ok(query.cut(items, |operation: &OperationBody| OperationKey(operation.operation_id)))
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
