//! Rows that the ledger does not account for: counting says that there are some, a walk over the
//! table says which.

use daybook_engine::event_text::EventText;
use daybook_engine::ledger::{Ledger, Recorded};

use super::expected::{identity, payment_of, rows_of};
use super::{CHUNK, Literals, ViewCheck};
use crate::error::ViewError;
use crate::views::View;
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
                let (recorded, texts) = match payment_id {
                    Some(id) if table.view == View::Texts => {
                        (ledger.load(id).await?, ledger.texts(id).await?)
                    }
                    Some(id) => (ledger.load(id).await?, Vec::new()),
                    None => (Vec::new(), Vec::new()),
                };
                if !self.is_accounted_for(table, recorded, &texts, row) {
                    left = left.saturating_sub(1);
                    let key = identity(table, row);
                    let what = format!("{} {key}: the ledger has no such row", table.name);
                    self.differ(table.view, payment_id, what);
                }
            }
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.get(1).cloned();
        }
        Ok(())
    }

    fn is_accounted_for(
        &self,
        table: &Table,
        recorded: Vec<Recorded>,
        texts: &[EventText],
        row: &Literals,
    ) -> bool {
        let own = recorded.into_iter().filter(|recorded| recorded.partition == self.partition);
        let decoded = own.map(|recorded| recorded.decode().map(|event| (recorded, event)));
        // A payment that can't be read is the ledger check's to report.
        let Ok(events) = decoded.collect::<Result<Vec<_>, _>>() else { return true };
        let Ok(rows) = rows_of(table, self.seen_by(table.view, &events), texts) else {
            return true;
        };
        let key = identity(table, row);
        rows.iter().any(|expected| identity(table, &expected.packed.literals()) == key)
    }
}
