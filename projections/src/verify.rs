//! The check of the views against the ledger, one partition at a time, in bounded memory.
//!
//! The caller walks the ledger payment by payment and hands each to [`ViewCheck::payment`]; every
//! view is compared up to its own cursor, so lag is no difference, and a parked payment up to where
//! it is parked. Rows are looked up by the keys that the ledger says they have; rows that nobody
//! asked for are found by counting, and named by a second walk that only a damaged view pays for.

mod expected;
mod extra;
mod packed;
mod report;

pub use packed::{Packed, PackedRow};
pub use report::{Difference, ViewReport};

use std::collections::HashMap;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::{Ledger, Recorded, Stretch};

use crate::error::ViewError;
use crate::views::balances::fold::{BALANCE, BalancesFold};
use crate::views::row::{Cell, Fold, Table};
use crate::views::settlements::fold::{SETTLEMENT, SettlementsFold};
use crate::views::{DecodedEvent, ParkedPayments, View, ViewCursors, ViewStore};
use expected::{ExpectedRow, ROW_TABLES, packed, rows_of};

/// The port: one partition's rows and cursors in one read transaction.
#[async_trait]
pub trait ViewSnapshot: Send {
    fn cursors(&self) -> ViewCursors;

    /// What of the ledger the rows leave out.
    fn parked(&self) -> &ParkedPayments;

    /// The rows with these keys, as the store sends them; those that don't exist are missing from the
    /// answer. A key may have several rows, and is asked for once.
    ///
    /// # Errors
    /// When the store can't be read; so of the others.
    async fn packed(
        &mut self,
        table: &'static Table,
        keys: &[Cell<'static>],
    ) -> Result<Vec<PackedRow>, ViewError>;

    /// How many rows there are.
    async fn count(&mut self, table: &'static Table) -> Result<u64, ViewError>;

    /// How many rows stand in partitions that a ledger of so many does not have.
    async fn outside(&mut self, table: &'static Table, partitions: u16) -> Result<u64, ViewError>;

    /// The rows of up to `limit` keys in order, after the key of a row.
    async fn after(
        &mut self,
        table: &'static Table,
        row: Option<&PackedRow>,
        limit: u32,
    ) -> Result<Vec<PackedRow>, ViewError>;

    /// Every row: for totals, which are few.
    async fn all(&mut self, table: &'static Table) -> Result<Vec<PackedRow>, ViewError>;
}

/// Rows compared at once: bounds the memory and the number of reads.
const CHUNK: usize = 1_000;

/// The check of one partition.
pub struct ViewCheck {
    snapshot: Box<dyn ViewSnapshot>,
    partition: Partition,
    cursors: ViewCursors,
    /// By [`ROW_TABLES`]: rows not yet compared, and how many were found so far.
    expected: [Vec<ExpectedRow>; ROW_TABLES.len()],
    found: [u64; ROW_TABLES.len()],
    settlements: SettlementsFold,
    balances: BalancesFold,
    /// The views whose cursor the walk has passed.
    confirmed: Vec<View>,
    report: ViewReport,
}

impl ViewCheck {
    /// Takes the partition's rows and cursors as they stand now.
    ///
    /// # Errors
    /// When the view store can't be read.
    pub async fn begin(views: &dyn ViewStore, partition: Partition) -> Result<Self, ViewError> {
        let snapshot = views.snapshot(partition).await?;
        let cursors = snapshot.cursors();
        let of_partition = snapshot.parked().iter().filter(|parked| parked.partition == partition);
        let parked = of_partition.cloned().collect();
        Ok(Self {
            snapshot,
            partition,
            cursors,
            expected: Default::default(),
            found: [0; ROW_TABLES.len()],
            settlements: SettlementsFold::default(),
            balances: BalancesFold::default(),
            confirmed: Vec::new(),
            report: ViewReport { cursors, parked, ..ViewReport::default() },
        })
    }

    /// Checks one payment of the partition: all its events, in version order, and its texts. Events beyond
    /// a view's cursor are left out.
    ///
    /// # Errors
    /// When the view store can't be read.
    pub async fn payment(
        &mut self,
        events: &[DecodedEvent],
        texts: &[EventText],
    ) -> Result<(), ViewError> {
        for (recorded, _) in events {
            self.check_cursors(recorded);
        }
        self.add_totals(events);
        for (index, table) in ROW_TABLES.into_iter().enumerate() {
            match rows_of(table, self.seen_by(table.view, events), texts) {
                Ok(rows) => self.expected[index].extend(rows),
                Err(error) => self.unfoldable(table.view, events, &error),
            }
            if self.expected[index].len() >= CHUNK {
                self.compare(index).await?;
            }
        }
        Ok(())
    }

    /// Compares what is left, the totals and the cursors. `ledger` is read only to name rows that
    /// should not be there.
    ///
    /// # Errors
    /// When the view store or the ledger can't be read.
    pub async fn finish(mut self, ledger: &dyn Ledger) -> Result<ViewReport, ViewError> {
        for (index, table) in ROW_TABLES.into_iter().enumerate() {
            self.compare(index).await?;
            let extra = self.snapshot.count(table).await?.saturating_sub(self.found[index]);
            if extra > 0 {
                self.name_extra(ledger, table, extra).await?;
            }
        }
        let settlements = std::mem::take(&mut self.settlements).totals;
        self.compare_totals(&SETTLEMENT, settlements.values().map(packed).collect()).await?;
        let balances = std::mem::take(&mut self.balances).totals;
        self.compare_totals(&BALANCE, balances.values().map(packed).collect()).await?;
        self.name_lost_cursors(ledger).await?;
        // Once, by whoever checks the first.
        if self.partition == Partition::new(0) {
            self.name_outside(ledger.identity().partitions).await?;
        }
        Ok(self.report)
    }

    fn seen_by<'e>(&self, view: View, events: &'e [DecodedEvent]) -> &'e [DecodedEvent] {
        let end = self.cursors.of(view).position;
        let parked = self.snapshot.parked();
        let is_seen = |event: &Recorded| event.position <= end && !parked.hold_back(view, event);
        let seen = events.partition_point(|(recorded, _)| is_seen(recorded));
        events.get(..seen).unwrap_or_default()
    }

    fn add_totals(&mut self, events: &[DecodedEvent]) {
        let settled = self.seen_by(View::Settlements, events);
        if let Err(error) = self.settlements.fold(&[settled]) {
            self.unfoldable(View::Settlements, events, &error);
        }
        // Lines are checked as rows.
        self.settlements.lines.clear();
        let posted = self.seen_by(View::Balances, events);
        if let Err(error) = self.balances.fold(&[posted]) {
            self.unfoldable(View::Balances, events, &error);
        }
    }

    fn unfoldable(&mut self, view: View, events: &[DecodedEvent], error: &ViewError) {
        let payment_id = events.first().map(|(recorded, _)| recorded.payment_id);
        self.differ(view, payment_id, format!("can't be folded from the ledger: {error}"));
    }

    fn check_cursors(&mut self, recorded: &Recorded) {
        for view in View::ALL {
            let cursor = self.cursors.of(view);
            if recorded.position != cursor.position {
                continue;
            }
            self.confirmed.push(view);
            if let Err(diverged) = cursor.step(recorded) {
                self.differ(view, Some(recorded.payment_id), diverged.to_string());
            }
        }
    }

    /// A cursor may stand on an event that can't be read, which no payment's walk comes to.
    async fn name_lost_cursors(&mut self, ledger: &dyn Ledger) -> Result<(), ViewError> {
        for view in View::ALL {
            let (partition, from) = (self.partition, self.cursors.of(view).position);
            if from == 0 || self.confirmed.contains(&view) {
                continue;
            }
            match ledger.read(&[Stretch { partition, from, limit: 1 }]).await?.first() {
                Some(standing) => self.check_cursors(standing),
                None => {
                    let what = format!(
                        "its cursor stands at position {from}, which the ledger does not have"
                    );
                    self.differ(view, None, what);
                }
            }
        }
        Ok(())
    }

    async fn compare(&mut self, index: usize) -> Result<(), ViewError> {
        let table = ROW_TABLES[index];
        let expected = std::mem::take(&mut self.expected[index]);
        let mut keys: Vec<Cell<'static>> = expected.iter().map(|row| row.key.clone()).collect();
        // A key's rows follow each other.
        keys.dedup();
        let found = self.snapshot.packed(table, &keys).await?;
        let found: HashMap<&[u8], &PackedRow> =
            found.iter().map(|row| (row.identity(table), row)).collect();
        for ExpectedRow { payment_id, packed, .. } in &expected {
            self.report.rows = self.report.rows.saturating_add(1);
            match found.get(packed.identity(table)) {
                Some(found) => {
                    self.found[index] = self.found[index].saturating_add(1);
                    self.compare_row(table, Some(*payment_id), packed, found);
                }
                None => self.tell(table, Some(*payment_id), packed, "the row is missing"),
            }
        }
        Ok(())
    }

    /// Names the columns that are not as they should be.
    fn compare_row(
        &mut self,
        table: &Table,
        payment_id: Option<PaymentId>,
        expected: &PackedRow,
        found: &PackedRow,
    ) {
        if expected == found {
            return;
        }
        for ((column, should), is) in table.columns.iter().zip(expected.cells()).zip(found.cells())
        {
            if should != is {
                let what = format!("{column} should be {should} and is {is}");
                self.tell(table, payment_id, expected, &what);
            }
        }
    }

    async fn compare_totals(
        &mut self,
        table: &'static Table,
        expected: Vec<PackedRow>,
    ) -> Result<(), ViewError> {
        let found = self.snapshot.all(table).await?;
        let mut found: HashMap<&[u8], &PackedRow> =
            found.iter().map(|row| (row.identity(table), row)).collect();
        for row in &expected {
            self.report.rows = self.report.rows.saturating_add(1);
            match found.remove(row.identity(table)) {
                Some(found) => self.compare_row(table, None, row, found),
                None => self.tell(table, None, row, "the row is missing"),
            }
        }
        for row in found.values() {
            self.tell(table, None, row, "the ledger has no such row");
        }
        Ok(())
    }

    /// No partition's walk comes to them, and lists and sums do.
    async fn name_outside(&mut self, partitions: u16) -> Result<(), ViewError> {
        for table in ROW_TABLES.into_iter().chain([&SETTLEMENT, &BALANCE]) {
            let count = self.snapshot.outside(table, partitions).await?;
            if count > 0 {
                let what = format!(
                    "{}: {count} rows stand in partitions that the ledger does not have",
                    table.name
                );
                self.differ(table.view, None, what);
            }
        }
        Ok(())
    }

    fn tell(&mut self, table: &Table, payment_id: Option<PaymentId>, row: &PackedRow, what: &str) {
        let what = format!("{} {}: {what}", table.name, row.name(table));
        self.differ(table.view, payment_id, what);
    }

    fn differ(&mut self, view: View, payment_id: Option<PaymentId>, what: String) {
        self.report.add(Difference { view, partition: self.partition, payment_id, what });
    }
}

impl std::fmt::Debug for ViewCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewCheck").field("partition", &self.partition).finish_non_exhaustive()
    }
}
