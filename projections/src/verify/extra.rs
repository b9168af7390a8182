//! Rows that the ledger does not account for: counting says that there are some, a walk over the
//! table says which.

use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::Ledger;

use super::expected::{payment_of, rows_of};
use super::{CHUNK, Literals, ViewCheck};
use crate::error::ViewError;
use crate::views::row::Table;

impl ViewCheck {
    /// Finds the rows that the ledger does not account for.
    pub(super) async fn name_extra(
        &mut self,
        ledger: &dyn Ledger,
        table: &'static Table,
        extra: u64,
    ) -> Result<(), ViewError> {
        let mut left = extra;
        let mut after: Option<String> = None;
        while left > 0 {
            let rows = self.snapshot.after(table, after.as_deref(), CHUNK as u32).await?;
            for row in &rows {
                let payment_id = payment_of(table, row);
                if !self.is_accounted_for(ledger, table, payment_id, row).await? {
                    left = left.saturating_sub(1);
                    let key = row.get(1).map_or("", String::as_str);
                    let what = format!("{} {key}: the ledger has no such row", table.name);
                    self.differ(table.view, payment_id, what);
                }
            }
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.get(1).cloned();
        }
        Ok(())
    }

    async fn is_accounted_for(
        &self,
        ledger: &dyn Ledger,
        table: &Table,
        payment_id: Option<PaymentId>,
        row: &Literals,
    ) -> Result<bool, ViewError> {
        let Some(payment_id) = payment_id else { return Ok(false) };
        let recorded = ledger.load(payment_id).await?;
        let own = recorded.into_iter().filter(|recorded| recorded.partition == self.partition);
        let decoded = own.map(|recorded| recorded.decode().map(|event| (recorded, event)));
        // A payment that can't be read is the ledger check's to report.
        let Ok(events) = decoded.collect::<Result<Vec<_>, _>>() else { return Ok(true) };
        let Ok(rows) = rows_of(table, self.seen_by(table.view, &events)) else { return Ok(true) };
        Ok(rows.iter().any(|expected| Some(&expected.key.to_string()) == row.get(1)))
    }
}
