//! The payments view on SQLite.

use std::collections::BTreeMap;

use daybook_engine::ids::{Partition, PaymentId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::ListedPayment;
use super::fold::{PaymentRow, PaymentsFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed, selecting};
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

pub(in crate::views) const SELECT: Select = Select {
    table: "payment",
    columns: "payment.partition, payment.payment_id, payment.position, payment.state",
    totals: None,
};

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<ListedPayment>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| {
        let PaymentRow { partition, payment_id, position, payment } = PaymentRow::read(columns)?;
        Ok(ListedPayment { payment_id, partition, position, payment })
    })
    .await
}

fn read(row: &SqliteRow) -> Result<PaymentRow, ViewError> {
    PaymentRow::read(&SqliteColumns { row, view: View::Payments })
}
