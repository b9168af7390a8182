//! The refunds view on Postgres.

use std::collections::BTreeMap;

use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::smallint;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::RefundBody;
use super::fold::{REFUND, RefundRow, RefundsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::postgres::{PostgresColumns, failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &RefundsFold::known_before(batches)).await?;
    let mut fold = RefundsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    let insert = insert(
        &REFUND,
        fold.rows.values(),
        "ON CONFLICT (partition, operation_id) DO UPDATE SET
             amount = excluded.amount,
             status = excluded.status,
             completed_at = excluded.completed_at,
             acquirer_transaction_id = excluded.acquirer_transaction_id,
             response_code = excluded.response_code",
    );
    tx.execute(insert).await.map_err(failed(View::Refunds))?;
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
    tx: &mut Transaction<'_>,
    wanted: &BTreeMap<OperationId, Partition>,
) -> Result<BTreeMap<OperationId, RefundRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let partitions: Vec<i16> = wanted.values().copied().map(smallint).collect();
    let ids: Vec<Uuid> = wanted.keys().map(|id| id.uuid()).collect();
    let rows = sqlx::query(select!(
        "refund WHERE (partition, operation_id) IN (
             SELECT * FROM unnest($1::int2[], $2::uuid[]))"
    ))
    .bind(partitions)
    .bind(ids);
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Refunds))?;
    rows.iter().map(|row| read(row).map(|row| (row.refund.operation_id, row))).collect()
}

const SELECT: Select = Select { table: "refund", columns: columns!(), totals: None };

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<RefundBody>, ViewError> {
    let read = |columns: &PostgresColumns<'_>| Ok(RefundRow::read(columns)?.refund);
    selecting::page(tx, query, &SELECT, read).await
}

fn read(row: &PgRow) -> Result<RefundRow, ViewError> {
    RefundRow::read(&PostgresColumns { row, view: View::Refunds })
}
