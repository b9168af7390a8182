//! The settlements view on SQLite: totals per partition, summed on read, and lines.

use sqlx::sqlite::SqliteConnection;

use super::fold::{SettlementLineRow, SettlementRow, SettlementsFold};
use super::{SettlementBody, SettlementLineBody};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select, Totals};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed, selecting};
use crate::views::{DecodedEvent, View};

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

pub(in crate::views) const SELECT: Select = Select {
    table: "settlement",
    columns: "merchant_id, currency, date, sum(capture_count), sum(refund_count),
        sum(gross_amount), sum(refund_amount), sum(fee_amount)",
    totals: Some(Totals {
        group_by: "date, merchant_id, currency",
        sums: &[
            ("gross_amount", "sum(gross_amount)"),
            ("net_amount", "sum(gross_amount) - sum(refund_amount) - sum(fee_amount)"),
        ],
    }),
};

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<SettlementBody>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| SettlementBody::read(columns)).await
}

pub(in crate::views) const SELECT_LINES: Select = Select {
    table: "settlement_line",
    columns: "partition, position, payment_id, operation_id, merchant_id, currency, date, at, kind,
        amount, fee",
    totals: None,
};

pub(in crate::views) async fn line_page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<SettlementLineBody>, ViewError> {
    let read = |columns: &SqliteColumns<'_>| Ok(SettlementLineRow::read(columns)?.line);
    selecting::page(tx, query, &SELECT_LINES, read).await
}
