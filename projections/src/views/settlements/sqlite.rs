//! The settlements view on SQLite: totals per partition, summed on read, and lines.

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::money::Currency;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::fold::{SettlementLineRow, SettlementRow, SettlementsFold};
use super::{SettlementBody, SettlementKey, SettlementLineBody, SettlementLineKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::row::{Fold, json};
use crate::views::sqlite::{Items, SqliteColumns, failed};
use crate::views::{DecodedEvent, View};

/// Later than every day, which begins with a digit.
const AFTER_EVERY_DAY: &str = "~";

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = SettlementsFold::default();
    fold.fold(batches)?;
    if fold.lines.is_empty() {
        return Ok(());
    }
    insert_lines(tx, &fold.lines).await?;
    add_totals(tx, fold.totals.values()).await
}

async fn insert_lines(
    tx: &mut SqliteConnection,
    lines: &[SettlementLineRow],
) -> Result<(), ViewError> {
    sqlx::query(
        "INSERT INTO settlement_line (partition, position, payment_id, operation_id, merchant_id,
             currency, date, at, kind, amount, fee)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3), value ->> 4,
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
         FROM json_each(?1)",
    )
    .bind(json(lines.iter()))
    .execute(tx)
    .await
    .map_err(failed(View::Settlements))?;
    Ok(())
}

async fn add_totals<'a>(
    tx: &mut SqliteConnection,
    totals: impl Iterator<Item = &'a SettlementRow>,
) -> Result<(), ViewError> {
    sqlx::query(
        "INSERT INTO settlement (partition, merchant_id, currency, date, capture_count,
             refund_count, gross_amount, refund_amount, fee_amount)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6, value ->> 7, value ->> 8
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (merchant_id, date, currency, partition) DO UPDATE SET
             capture_count = capture_count + excluded.capture_count,
             refund_count = refund_count + excluded.refund_count,
             gross_amount = gross_amount + excluded.gross_amount,
             refund_amount = refund_amount + excluded.refund_amount,
             fee_amount = fee_amount + excluded.fee_amount",
    )
    .bind(json(totals))
    .execute(tx)
    .await
    .map_err(failed(View::Settlements))?;
    Ok(())
}

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT merchant_id, currency, date, sum(capture_count), sum(refund_count),
                 sum(gross_amount), sum(refund_amount), sum(fee_amount)
             FROM settlement WHERE ",
            $of,
            " AND (date, merchant_id, currency) < (?2, ?3, ?4)
             GROUP BY date, merchant_id, currency
             ORDER BY date DESC, merchant_id DESC, currency DESC LIMIT ?5"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<SettlementKey>,
) -> Result<Items<SettlementBody>, ViewError> {
    let (date, merchant_id, currency) = after.map_or_else(
        || (AFTER_EVERY_DAY.to_owned(), String::new(), String::new()),
        |SettlementKey(date, merchant_id, currency)| {
            (date.to_string(), merchant_id.to_string(), currency.to_string())
        },
    );
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = ?1"),
        None => page!("?1 IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(date)
        .bind(merchant_id)
        .bind(currency)
        .bind(query.rows_to_read())
        .fetch_all(tx)
        .await
        .map_err(failed(View::Settlements))?;
    let items =
        rows.iter().map(|row| SettlementBody::read(&columns(row))).collect::<Result<_, _>>()?;
    let key =
        |body: &SettlementBody| SettlementKey(body.date, body.merchant_id.clone(), body.currency);
    Ok(query.cut(items, key))
}

macro_rules! line_page {
    ($of:literal) => {
        concat!(
            "SELECT partition, position, payment_id, operation_id, merchant_id, currency, date, at,
                 kind, amount, fee
             FROM settlement_line WHERE ",
            $of,
            " AND (date, at, partition, position) < (?2, ?3, ?4, ?5) AND date >= ?6
                 AND (?7 IS NULL OR date = ?7) AND (?8 IS NULL OR currency = ?8)
             ORDER BY date DESC, at DESC, partition DESC, position DESC LIMIT ?9"
        )
    };
}

pub(in crate::views) async fn line_page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<SettlementLineKey>,
    currency: Option<Currency>,
    date: Option<Date>,
) -> Result<Items<SettlementLineBody>, ViewError> {
    let date = date.map(|date| date.to_string());
    // Where a day is asked for, the read begins at its end and stops at its beginning.
    let end = date.clone().unwrap_or_else(|| AFTER_EVERY_DAY.to_owned());
    let (before, at, partition, position) = after.map_or(
        (end, Timestamp::from_millis(i64::MAX), i64::MAX, i64::MAX),
        |SettlementLineKey(date, at, partition, position)| {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            (date.to_string(), at, partition.number().into(), position)
        },
    );
    let statement = match query.merchant_id {
        Some(_) => line_page!("merchant_id = ?1"),
        None => line_page!("?1 IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(before)
        .bind(at.micros())
        .bind(partition)
        .bind(position)
        .bind(date.clone().unwrap_or_default())
        .bind(date)
        .bind(currency.map(String::from))
        .bind(query.rows_to_read())
        .fetch_all(tx)
        .await
        .map_err(failed(View::Settlements))?;
    let rows =
        rows.iter().map(|row| SettlementLineRow::read(&columns(row))).collect::<Result<_, _>>()?;
    let (rows, next) = query.cut(rows, |row: &SettlementLineRow| {
        SettlementLineKey(row.line.date, row.line.at, row.partition, row.position)
    });
    Ok((rows.into_iter().map(|row| row.line).collect(), next))
}

const fn columns(row: &SqliteRow) -> SqliteColumns<'_> {
    SqliteColumns { row, view: View::Settlements }
}
