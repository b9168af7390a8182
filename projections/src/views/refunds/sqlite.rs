//! The refunds view on SQLite.

use std::collections::BTreeMap;

use daybook_engine::ids::{OperationId, Partition};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::RefundBody;
use super::fold::{RefundRow, RefundsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed, selecting};
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &RefundsFold::known_before(batches)).await?;
    let mut fold = RefundsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO refund (partition, operation_id, payment_id, merchant_id, currency, amount,
             status, requested_at, completed_at, acquirer_transaction_id, response_code)
         SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3, value ->> 4,
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (partition, operation_id) DO UPDATE SET
             amount = excluded.amount,
             status = excluded.status,
             completed_at = excluded.completed_at,
             acquirer_transaction_id = excluded.acquirer_transaction_id,
             response_code = excluded.response_code",
    )
    .bind(json(fold.rows.values()))
    .execute(tx)
    .await
    .map_err(failed(View::Refunds))?;
    Ok(())
}

macro_rules! columns {
    () => {
        "partition, operation_id, payment_id, merchant_id, currency, amount, status,
         requested_at, completed_at, acquirer_transaction_id, response_code"
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
) -> Result<BTreeMap<OperationId, RefundRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<(Partition, Uuid)> =
        wanted.iter().map(|(id, partition)| (*partition, id.uuid())).collect();
    let rows = sqlx::query(select!(
        "json_each(?1) AS wanted CROSS JOIN refund
         WHERE refund.partition = wanted.value ->> 0
           AND refund.operation_id = unhex(wanted.value ->> 1)"
    ))
    .bind(json(wanted.iter()))
    .fetch_all(tx)
    .await
    .map_err(failed(View::Refunds))?;
    rows.iter().map(|row| read(row).map(|row| (row.refund.operation_id, row))).collect()
}

pub(in crate::views) const SELECT: Select =
    Select { table: "refund", columns: columns!(), totals: None };

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<RefundBody>, ViewError> {
    let read = |columns: &SqliteColumns<'_>| Ok(RefundRow::read(columns)?.refund);
    selecting::page(tx, query, &SELECT, read).await
}

fn read(row: &SqliteRow) -> Result<RefundRow, ViewError> {
    RefundRow::read(&SqliteColumns { row, view: View::Refunds })
}
