//! A payment's events as they might come from a feed, one a line: its type, a space and its data.

use daybook_engine::fuzz::events_in;

use crate::views::DecodedEvent;
use crate::views::balances::fold::BalancesFold;
use crate::views::operations::fold::OperationsFold;
use crate::views::payments::fold::PaymentsFold;
use crate::views::refunds::fold::RefundsFold;
use crate::views::row::{Cell, Fold, Row};
use crate::views::settlements::fold::SettlementsFold;

/// # Panics
/// Where folding fails but by saying that an event doesn't fit, or rows depend on how the events were
/// cut into batches.
pub fn views(input: &[u8]) {
    let events = events_in(input);
    check(&events, |fold: &PaymentsFold| cells(fold.rows.values()));
    check(&events, |fold: &OperationsFold| cells(fold.rows.values()));
    check(&events, |fold: &RefundsFold| cells(fold.rows.values()));
    check(&events, |fold: &BalancesFold| cells(fold.totals.values()));
    check(&events, |fold: &SettlementsFold| {
        [cells(fold.totals.values()), cells(fold.lines.iter())].concat()
    });
}

fn check<F: Fold + Default>(
    events: &[DecodedEvent],
    rows_of: impl Fn(&F) -> Vec<Vec<Cell<'static>>>,
) {
    let mut whole = F::default();
    if whole.fold(&[events]).is_err() {
        return;
    }
    let (first, second) = events.split_at(events.len() / 2);
    let mut cut = F::default();
    cut.fold(&[first]).expect("the first half fits, as the whole does");
    cut.fold(&[second]).expect("the second half fits behind the first");
    assert_eq!(rows_of(&cut), rows_of(&whole), "however they are cut");
}

fn cells<'r, R: Row + 'r>(rows: impl Iterator<Item = &'r R>) -> Vec<Vec<Cell<'static>>> {
    rows.map(|row| row.cells().iter().map(owned).collect()).collect()
}

fn owned(cell: &Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Integer(integer) => Cell::Integer(*integer),
        Cell::Text(text) => Cell::Text(text.to_string().into()),
        Cell::Id(id) => Cell::Id(*id),
        Cell::Time(at) => Cell::Time(*at),
    }
}
