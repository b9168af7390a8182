//! The rows that a payment's events come to.

use daybook_engine::event_text::EventText;
use daybook_engine::ids::PaymentId;

use super::{Packed, PackedRow};
use crate::error::ViewError;
use crate::views::journal::fold::{JournalFold, POSTING};
use crate::views::operations::fold::{OPERATION, OperationsFold};
use crate::views::payments::fold::{PAYMENT, PaymentsFold};
use crate::views::refunds::fold::{REFUND, RefundsFold};
use crate::views::row::{Cell, Fold, Row, Table};
use crate::views::settlements::fold::{SETTLEMENT_LINE, SettlementsFold};
use crate::views::texts::fold::{PAYMENT_TEXT, TextsFold};
use crate::views::{DecodedEvent, PaymentTexts, View};

/// The tables whose rows each belong to one payment.
pub(super) static ROW_TABLES: [&Table; 6] =
    [&PAYMENT, &OPERATION, &REFUND, &SETTLEMENT_LINE, &POSTING, &PAYMENT_TEXT];

pub(super) struct ExpectedRow {
    pub(super) key: Cell<'static>,
    pub(super) payment_id: PaymentId,
    pub(super) packed: PackedRow,
}

pub(super) fn packed(row: &impl Row) -> PackedRow {
    PackedRow::of(&row.cells())
}

/// The rows of `table` that one payment's events come to.
pub(super) fn rows_of(
    table: &Table,
    events: &[DecodedEvent],
    texts: &[EventText],
) -> Result<Vec<ExpectedRow>, ViewError> {
    let Some((first, _)) = events.first() else { return Ok(Vec::new()) };
    let payment_id = first.payment_id;
    Ok(match table.view {
        View::Payments => {
            let mut fold = PaymentsFold::default();
            fold.fold(&[events])?;
            fold.rows.values().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Operations => {
            let mut fold = OperationsFold::default();
            fold.fold(&[events])?;
            fold.rows.values().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Refunds => {
            let mut fold = RefundsFold::default();
            fold.fold(&[events])?;
            fold.rows.values().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Settlements => {
            let mut fold = SettlementsFold::default();
            fold.fold(&[events])?;
            fold.lines.iter().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Journal => {
            let mut fold = JournalFold::default();
            fold.fold(&[events])?;
            fold.rows.iter().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Texts => {
            let texts = PaymentTexts::from([(payment_id, texts.to_vec())]);
            let mut fold = TextsFold::new(&texts);
            fold.fold(&[events])?;
            fold.rows.iter().filter_map(|row| expected(payment_id, row)).collect()
        }
        View::Balances => Vec::new(),
    })
}

/// Every row's key is its second cell, an id or a position.
fn expected(payment_id: PaymentId, row: &impl Row) -> Option<ExpectedRow> {
    let cells = row.cells();
    let key = match cells.get(1)? {
        Cell::Id(id) => Cell::Id(*id),
        Cell::Integer(position) => Cell::Integer(*position),
        Cell::Null | Cell::Text(_) | Cell::Time(_) => return None,
    };
    Some(ExpectedRow { key, payment_id, packed: PackedRow::of(&cells) })
}

/// The payment that a row as it stands says it belongs to; `None` where that is no id.
pub(super) fn payment_of(table: &Table, row: &PackedRow) -> Option<PaymentId> {
    match row.cells().nth(table.payment?)? {
        Packed::Id(id) => Some(PaymentId::from_uuid(id)),
        _ => None,
    }
}
