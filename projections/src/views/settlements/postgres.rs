//! The settlements view on Postgres: totals per partition, summed on read, and lines.

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::money::Currency;
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::timestamptz;
use sqlx::postgres::PgRow;

use super::fold::{SETTLEMENT, SETTLEMENT_LINE, SettlementLineRow, SettlementRow, SettlementsFold};
use super::{SettlementBody, SettlementKey, SettlementLineBody, SettlementLineKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::postgres::{Items, PostgresColumns, failed, insert};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

/// Earlier and later than every day, in Postgres's words.
const BEFORE_EVERY_DAY: &str = "-infinity";
const AFTER_EVERY_DAY: &str = "infinity";

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
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
    tx: &mut Transaction<'_>,
    lines: &[SettlementLineRow],
) -> Result<(), ViewError> {
    let insert = insert(&SETTLEMENT_LINE, lines.iter(), "");
    tx.execute(insert).await.map_err(failed(View::Settlements))?;
    Ok(())
}

async fn add_totals<'a>(
    tx: &mut Transaction<'_>,
    totals: impl Iterator<Item = &'a SettlementRow>,
) -> Result<(), ViewError> {
    let insert = insert(
        &SETTLEMENT,
        totals,
        "ON CONFLICT (merchant_id, date, currency, partition) DO UPDATE SET
             capture_count = settlement.capture_count + excluded.capture_count,
             refund_count = settlement.refund_count + excluded.refund_count,
             gross_amount = settlement.gross_amount + excluded.gross_amount,
             refund_amount = settlement.refund_amount + excluded.refund_amount,
             fee_amount = settlement.fee_amount + excluded.fee_amount",
    );
    tx.execute(insert).await.map_err(failed(View::Settlements))?;
    Ok(())
}

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT merchant_id, currency, day_text(date), sum(capture_count)::int8,
                 sum(refund_count)::int8, sum(gross_amount)::int8, sum(refund_amount)::int8,
                 sum(fee_amount)::int8
             FROM settlement WHERE ",
            $of,
            " AND (date, merchant_id, currency) < ($2::text::date, $3, $4)
             GROUP BY date, merchant_id, currency
             ORDER BY date DESC, merchant_id DESC, currency DESC LIMIT $5"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
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
        Some(_) => page!("merchant_id = $1"),
        None => page!("$1::text IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(date)
        .bind(merchant_id)
        .bind(currency)
        .bind(query.rows_to_read());
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Settlements))?;
    let items =
        rows.iter().map(|row| SettlementBody::read(&columns(row))).collect::<Result<_, _>>()?;
    let key =
        |body: &SettlementBody| SettlementKey(body.date, body.merchant_id.clone(), body.currency);
    Ok(query.cut(items, key))
}

macro_rules! line_page {
    ($of:literal) => {
        concat!(
            "SELECT partition, position, payment_id, operation_id, merchant_id, currency,
                 day_text(date), at, kind, amount, fee
             FROM settlement_line WHERE ",
            $of,
            " AND (date, at, partition, position) < ($2::text::date, $3, $4, $5)
                 AND date >= $6::text::date AND ($7::text IS NULL OR date = $7::text::date)
                 AND ($8::text IS NULL OR currency = $8)
             ORDER BY date DESC, at DESC, partition DESC, position DESC LIMIT $9"
        )
    };
}

pub(in crate::views) async fn line_page(
    tx: &mut Transaction<'_>,
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
        Some(_) => line_page!("merchant_id = $1"),
        None => line_page!("$1::text IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(before)
        .bind(timestamptz(at))
        .bind(partition)
        .bind(position)
        .bind(date.clone().unwrap_or_else(|| BEFORE_EVERY_DAY.to_owned()))
        .bind(date)
        .bind(currency.map(String::from))
        .bind(query.rows_to_read());
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Settlements))?;
    let rows =
        rows.iter().map(|row| SettlementLineRow::read(&columns(row))).collect::<Result<_, _>>()?;
    let (rows, next) = query.cut(rows, |row: &SettlementLineRow| {
        SettlementLineKey(row.line.date, row.line.at, row.partition, row.position)
    });
    Ok((rows.into_iter().map(|row| row.line).collect(), next))
}

const fn columns(row: &PgRow) -> PostgresColumns<'_> {
    PostgresColumns { row, view: View::Settlements }
}
