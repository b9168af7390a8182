//! The payments view on SQLite.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::fold::{PaymentRow, PaymentsFold};
use super::{ListedPayment, PaymentKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::row::{Fold, json};
use crate::views::sqlite::{Items, SqliteColumns, failed};
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let rows = load(tx, &PaymentsFold::known_before(batches)).await?;
    let mut fold = PaymentsFold { rows };
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO payment (partition, payment_id, version, position, merchant_id, status,
             currency, amount, amount_authorized, amount_captured, amount_refunded, created_at,
             updated_at, state)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4,
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
             value ->> 11, value ->> 12, value ->> 13
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (partition, payment_id) DO UPDATE SET
             version = excluded.version,
             position = excluded.position,
             status = excluded.status,
             amount_authorized = excluded.amount_authorized,
             amount_captured = excluded.amount_captured,
             amount_refunded = excluded.amount_refunded,
             updated_at = excluded.updated_at,
             state = excluded.state",
    )
    .bind(json(fold.rows.values()))
    .execute(tx)
    .await
    .map_err(failed(View::Payments))?;
    Ok(())
}

async fn load(
    tx: &mut SqliteConnection,
    wanted: &BTreeMap<PaymentId, Partition>,
) -> Result<BTreeMap<PaymentId, PaymentRow>, ViewError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<(Partition, Uuid)> =
        wanted.iter().map(|(id, partition)| (*partition, id.uuid())).collect();
    let rows = sqlx::query(
        "SELECT payment.partition, payment.payment_id, payment.position, payment.state
         FROM json_each(?1) AS wanted
         CROSS JOIN payment
         WHERE payment.partition = wanted.value ->> 0
           AND payment.payment_id = unhex(wanted.value ->> 1)",
    )
    .bind(json(wanted.iter()))
    .fetch_all(tx)
    .await
    .map_err(failed(View::Payments))?;
    rows.iter().map(|row| read(row).map(|row| (row.payment_id, row))).collect()
}

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT partition, payment_id, position, state FROM payment WHERE ",
            $of,
            " AND (created_at, payment_id) < (?2, ?3)
             ORDER BY created_at DESC, payment_id DESC LIMIT ?4"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<PaymentKey>,
) -> Result<Items<ListedPayment>, ViewError> {
    let PaymentKey(before, id) = after
        .unwrap_or(PaymentKey(Timestamp::from_millis(i64::MAX), PaymentId::from_uuid(Uuid::max())));
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = ?1"),
        None => page!("?1 IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(before.micros())
        .bind(id.uuid().as_bytes().as_slice())
        .bind(query.rows_to_read())
        .fetch_all(tx)
        .await
        .map_err(failed(View::Payments))?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = |row: &PaymentRow| PaymentKey(row.payment.created_at, row.payment_id);
    let (rows, next) = query.cut(rows, key);
    let listed = rows.into_iter().map(|row| {
        let PaymentRow { partition, payment_id, position, payment } = row;
        ListedPayment { payment_id, partition, position, payment }
    });
    Ok((listed.collect(), next))
}

fn read(row: &SqliteRow) -> Result<PaymentRow, ViewError> {
    PaymentRow::read(&SqliteColumns { row, view: View::Payments })
}
