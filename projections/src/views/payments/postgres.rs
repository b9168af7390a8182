//! The payments view on Postgres.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::{smallint, timestamptz};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::fold::{PAYMENT, PaymentRow, PaymentsFold};
use super::{ListedPayment, PaymentKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::postgres::{Items, PostgresColumns, failed, insert};
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

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT partition, payment_id, position, state FROM payment WHERE ",
            $of,
            " AND (created_at, payment_id) < ($2, $3)
             ORDER BY created_at DESC, payment_id DESC LIMIT $4"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
    after: Option<PaymentKey>,
) -> Result<Items<ListedPayment>, ViewError> {
    let PaymentKey(before, id) = after
        .unwrap_or(PaymentKey(Timestamp::from_millis(i64::MAX), PaymentId::from_uuid(Uuid::max())));
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = $1"),
        None => page!("$1::text IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(timestamptz(before))
        .bind(id.uuid())
        .bind(query.rows_to_read());
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Payments))?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = |row: &PaymentRow| PaymentKey(row.payment.created_at, row.payment_id);
    let (rows, next) = query.cut(rows, key);
    let listed = rows.into_iter().map(|row| {
        let PaymentRow { partition, payment_id, position, payment } = row;
        ListedPayment { payment_id, partition, position, payment }
    });
    Ok((listed.collect(), next))
}

fn read(row: &PgRow) -> Result<PaymentRow, ViewError> {
    PaymentRow::read(&PostgresColumns { row, view: View::Payments })
}
