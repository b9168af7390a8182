//! The refunds view on Postgres.

use std::collections::BTreeMap;

use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::smallint;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::fold::{REFUND, RefundRow, RefundsFold};
use super::{RefundBody, RefundKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::postgres::{Items, PostgresColumns, failed, insert};
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

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT partition, operation_id, payment_id, merchant_id, currency, amount, status,
                 requested_at, completed_at, acquirer_transaction_id, response_code FROM ",
            $rest
        )
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

macro_rules! page {
    ($of:literal) => {
        concat!("refund WHERE ", $of, " AND operation_id < $2 ORDER BY operation_id DESC LIMIT $3")
    };
}

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
    after: Option<RefundKey>,
) -> Result<Items<RefundBody>, ViewError> {
    let before = after.map_or(Uuid::max(), |RefundKey(id)| id.uuid());
    let statement = match query.merchant_id {
        Some(_) => select!(page!("merchant_id = $1")),
        None => select!(page!("$1::text IS NULL")),
    };
    let rows =
        sqlx::query(statement).bind(query.merchant()).bind(before).bind(query.rows_to_read());
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Refunds))?;
    let items = rows.iter().map(|row| Ok(read(row)?.refund)).collect::<Result<_, ViewError>>()?;
    Ok(query.cut(items, |refund: &RefundBody| RefundKey(refund.operation_id)))
}

fn read(row: &PgRow) -> Result<RefundRow, ViewError> {
    RefundRow::read(&PostgresColumns { row, view: View::Refunds })
}
