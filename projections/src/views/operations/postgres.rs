//! The operations view on Postgres.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::{smallint, timestamptz};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::OperationBody;
use super::fold::{OPERATION, OperationRow, OperationsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::postgres::{PostgresColumns, failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &OperationsFold::known_before(batches)).await?;
    let mut fold = OperationsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    let insert = insert(
        &OPERATION,
        fold.rows.values(),
        "ON CONFLICT (partition, operation_id) DO UPDATE SET
             amount_settled = excluded.amount_settled,
             status = excluded.status,
             late = excluded.late,
             completed_at = excluded.completed_at,
             acquirer_transaction_id = excluded.acquirer_transaction_id,
             response_code = excluded.response_code",
    );
    tx.execute(insert).await.map_err(failed(View::Operations))?;
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
    tx: &mut Transaction<'_>,
    wanted: &BTreeMap<OperationId, Partition>,
) -> Result<BTreeMap<OperationId, OperationRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let partitions: Vec<i16> = wanted.values().copied().map(smallint).collect();
    let ids: Vec<Uuid> = wanted.keys().map(|id| id.uuid()).collect();
    let rows = sqlx::query(select!(
        "operation WHERE (partition, operation_id) IN (
             SELECT * FROM unnest($1::int2[], $2::uuid[]))"
    ))
    .bind(partitions)
    .bind(ids);
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Operations))?;
    rows.iter().map(|row| read(row).map(|row| (row.operation.operation_id, row))).collect()
}

const SELECT: Select = Select { table: "operation", columns: columns!(), totals: None };

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<OperationBody>, ViewError> {
    let read = |columns: &PostgresColumns<'_>| Ok(OperationRow::read(columns)?.operation);
    selecting::page(tx, query, &SELECT, read).await
}

pub(in crate::views) async fn needing_people(
    tx: &mut Transaction<'_>,
    open_since: Timestamp,
    after: Option<OperationId>,
    limit: u32,
) -> Result<Vec<OperationBody>, ViewError> {
    let rows = sqlx::query(select!(
        "operation
         WHERE (status IN ('PENDING', 'UNKNOWN') AND requested_at <= $1 OR late IS NOT NULL)
             AND operation_id > $2 ORDER BY operation_id LIMIT $3"
    ))
    .bind(timestamptz(open_since))
    .bind(after.map_or(Uuid::nil(), OperationId::uuid))
    .bind(i64::from(limit));
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Operations))?;
    rows.iter().map(|row| Ok(read(row)?.operation)).collect()
}

fn read(row: &PgRow) -> Result<OperationRow, ViewError> {
    OperationRow::read(&PostgresColumns { row, view: View::Operations })
}
