//! The settlements view on Postgres: totals per partition, summed on read, and lines.

use daybook_engine::postgres::Transaction;

use super::fold::{SETTLEMENT, SETTLEMENT_LINE, SettlementLineRow, SettlementRow, SettlementsFold};
use super::{SettlementBody, SettlementLineBody};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select, Totals};
use crate::views::postgres::{PostgresColumns, failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

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

const SELECT: Select = Select {
    table: "settlement",
    columns:
        "merchant_id, currency, day_text(date), sum(capture_count)::int8, sum(refund_count)::int8,
        sum(gross_amount)::int8, sum(refund_amount)::int8, sum(fee_amount)::int8",
    totals: Some(Totals {
        group_by: "date, merchant_id, currency",
        sums: &[
            ("gross_amount", "sum(gross_amount)::int8"),
            ("net_amount", "(sum(gross_amount) - sum(refund_amount) - sum(fee_amount))::int8"),
        ],
    }),
};

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<SettlementBody>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| SettlementBody::read(columns)).await
}

const SELECT_LINES: Select = Select {
    table: "settlement_line",
    columns: "partition, position, payment_id, operation_id, merchant_id, currency, day_text(date), at, kind,
        amount, fee",
    totals: None,
};

pub(in crate::views) async fn line_page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<SettlementLineBody>, ViewError> {
    let read = |columns: &PostgresColumns<'_>| Ok(SettlementLineRow::read(columns)?.line);
    selecting::page(tx, query, &SELECT_LINES, read).await
}
