//! The payments view on Postgres.

use std::collections::BTreeMap;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::smallint;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::ListedPayment;
use super::fold::{PAYMENT, PaymentRow, PaymentsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::postgres::{PostgresColumns, failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &PaymentsFold::known_before(batches)).await?;
    let mut fold = PaymentsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    let insert = insert(
        &PAYMENT,
        fold.rows.values(),
        "ON CONFLICT (partition, payment_id) DO UPDATE SET
             version = excluded.version,
             position = excluded.position,
             status = excluded.status,
             amount_authorized = excluded.amount_authorized,
             amount_captured = excluded.amount_captured,
             amount_refunded = excluded.amount_refunded,
             updated_at = excluded.updated_at,
             state = excluded.state",
    );
    tx.execute(insert).await.map_err(failed(View::Payments))?;
    Ok(())
}

async fn load(
    tx: &mut Transaction<'_>,
    wanted: &BTreeMap<PaymentId, Partition>,
) -> Result<BTreeMap<PaymentId, PaymentRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let partitions: Vec<i16> = wanted.values().copied().map(smallint).collect();
    let ids: Vec<Uuid> = wanted.keys().map(|id| id.uuid()).collect();
    let rows = sqlx::query(
        "SELECT payment.partition, payment.payment_id, payment.position, payment.state
         FROM payment WHERE (partition, payment_id) IN (
             SELECT * FROM unnest($1::int2[], $2::uuid[]))",
    )
    .bind(partitions)
    .bind(ids);
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Payments))?;
    rows.iter().map(|row| read(row).map(|row| (row.payment_id, row))).collect()
}

const SELECT: Select = Select {
    table: "payment",
    columns: "payment.partition, payment.payment_id, payment.position, payment.state",
    totals: None,
};

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<ListedPayment>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| {
        let PaymentRow { partition, payment_id, position, payment } = PaymentRow::read(columns)?;
        Ok(ListedPayment { payment_id, partition, position, payment })
    })
    .await
}

fn read(row: &PgRow) -> Result<PaymentRow, ViewError> {
    PaymentRow::read(&PostgresColumns { row, view: View::Payments })
}
