//! Rows that the ledger does not account for: counting says that there are some, a walk over the
//! table says which.

use daybook_engine::event_text::EventText;
use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::{Ledger, StoreError};

use super::expected::{ExpectedRow, payment_of, rows_of};
use super::{CHUNK, PackedRow, ViewCheck};
use crate::error::ViewError;
use crate::views::row::Table;
use crate::views::{DecodedEvent, View};

impl ViewCheck {
    /// Finds the rows that the ledger does not account for.
    pub(super) async fn name_extra(
        &mut self,
        ledger: &dyn Ledger,
        table: &'static Table,
        extra: u64,
    ) -> Result<(), ViewError> {
        let (mut left, mut unread) = (extra, 0_u64);
        let mut after: Option<PackedRow> = None;
        while left > 0 {
            let rows = self.snapshot.after(table, after.as_ref(), CHUNK as u32).await?;
            for row in &rows {
                let payment_id = payment_of(table, row);
                let accounted_for = match payment_id {
                    Some(id) => {
                        let read = read(ledger, table, id).await?;
                        read.and_then(|(events, texts)| {
                            self.is_accounted_for(table, &events, &texts, row)
                        })
                    }
                    None => Some(false),
                };
                match accounted_for {
                    Some(true) => {}
                    Some(false) => {
                        left = left.saturating_sub(1);
                        self.tell(table, payment_id, row, "the ledger has no such row");
                    }
                    None => unread = unread.saturating_add(1),
                }
            }
            after = rows.last().cloned();
            if after.is_none() {
                break;
            }
        }
        // A row of a payment that can't be read may be one of them.
        if left > unread {
            let what = format!("{}: {left} rows more than the ledger has", table.name);
            self.differ(table.view, None, what);
        }
        Ok(())
    }

    /// `None` where the view can't be folded from the events, which is reported already.
    fn is_accounted_for(
        &self,
        table: &Table,
        events: &[DecodedEvent],
        texts: &[EventText],
        row: &PackedRow,
    ) -> Option<bool> {
        let rows = rows_of(table, self.seen_by(table.view, events), texts).ok()?;
        let is_it = |expected: &ExpectedRow| expected.packed.identity(table) == row.identity(table);
        let is_here = events.first().is_some_and(|(first, _)| first.partition == self.partition);
        Some(is_here && rows.iter().any(is_it))
    }
}

/// A payment's events, and its texts where the table shows them; `None` where they are damaged, which is the
/// ledger check's to report.
async fn read(
    ledger: &dyn Ledger,
    table: &Table,
    payment_id: PaymentId,
) -> Result<Option<(Vec<DecodedEvent>, Vec<EventText>)>, ViewError> {
    let Some(recorded) = readable(ledger.load(payment_id).await)? else { return Ok(None) };
    let texts = match table.view {
        View::Texts => readable(ledger.texts(payment_id).await)?,
        _ => Some(Vec::new()),
    };
    let decoded =
        recorded.into_iter().map(|recorded| recorded.decode().map(|event| (recorded, event)));
    let events: Result<Vec<_>, _> = decoded.collect();
    Ok(events.ok().zip(texts))
}

/// `None` for what is damaged.
fn readable<T>(read: Result<T, StoreError>) -> Result<Option<T>, ViewError> {
    match read {
        Err(StoreError::Damaged { .. }) => Ok(None),
        read => Ok(Some(read?)),
    }
}
