//! The views in memory: the production folds, rows and cursors moved together under one lock.
//!
//! It parks nothing: no event of a run is such that a view can't take it, so an error here stops the
//! projector, and the oracle hears of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::ledger::StoreError;
use daybook_projections::verify::ViewSnapshot;
use daybook_projections::views::balances::fold::{BALANCE, BalanceRow, BalancesFold};
use daybook_projections::views::journal::fold::{JournalFold, POSTING, PostingRow};
use daybook_projections::views::operations::fold::{OPERATION, OperationRow, OperationsFold};
use daybook_projections::views::payments::fold::{PAYMENT, PaymentRow, PaymentsFold};
use daybook_projections::views::refunds::fold::{REFUND, RefundRow, RefundsFold};
use daybook_projections::views::row::{Cell, Fold, Row, Table};
use daybook_projections::views::settlements::fold::{
    SETTLEMENT, SETTLEMENT_LINE, SettlementLineRow, SettlementRow, SettlementsFold,
};
use daybook_projections::views::{
    Applied, Batch, DecodedEvent, ForgetViews, ParkedPayments, Unparked, Unparking, View,
    ViewCursors,
};
use daybook_projections::{ViewError, ViewStore};

use crate::oracle::ViewRow;

#[derive(Debug)]
pub(crate) struct MemoryViews(Mutex<State>);

#[derive(Clone, Debug)]
struct State {
    cursors: BTreeMap<Partition, ViewCursors>,
    payments: BTreeMap<PaymentId, PaymentRow>,
    operations: BTreeMap<OperationId, OperationRow>,
    refunds: BTreeMap<OperationId, RefundRow>,
    lines: BTreeMap<(Partition, u64), SettlementLineRow>,
    postings: BTreeMap<(Partition, u64, u64), PostingRow>,
    /// By the cells that name them.
    settlements: BTreeMap<String, SettlementRow>,
    balances: BTreeMap<String, BalanceRow>,
}

impl MemoryViews {
    /// Every view at the start of every partition.
    pub(crate) fn new(partitions: u16) -> Self {
        let cursors = Partition::all(partitions).map(|p| (p, ViewCursors::default())).collect();
        Self(Mutex::new(State {
            cursors,
            payments: BTreeMap::new(),
            operations: BTreeMap::new(),
            refunds: BTreeMap::new(),
            lines: BTreeMap::new(),
            postings: BTreeMap::new(),
            settlements: BTreeMap::new(),
            balances: BTreeMap::new(),
        }))
    }

    /// Where the views stand in each partition.
    pub(crate) fn positions(&self) -> Vec<u64> {
        self.state().cursors.values().map(|cursors| cursors.lowest().position).collect()
    }

    /// A partition's rows.
    pub(crate) fn rows(&self, partition: Partition) -> Vec<ViewRow> {
        let state = self.state();
        let mut rows = Vec::new();
        rows.extend(state.payments.values().map(|row| view_row(&PAYMENT, row)));
        rows.extend(state.operations.values().map(|row| view_row(&OPERATION, row)));
        rows.extend(state.refunds.values().map(|row| view_row(&REFUND, row)));
        rows.extend(state.lines.values().map(|row| view_row(&SETTLEMENT_LINE, row)));
        rows.extend(state.postings.values().map(|row| view_row(&POSTING, row)));
        rows.extend(state.settlements.values().map(|row| view_row(&SETTLEMENT, row)));
        rows.extend(state.balances.values().map(|row| view_row(&BALANCE, row)));
        let own = partition.to_string();
        rows.retain(|row| row.cells.get("partition") == Some(&own));
        rows
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view_row(table: &Table, row: &impl Row) -> ViewRow {
    let cells = table.columns.iter().zip(row.cells());
    let cells = cells.map(|(name, cell)| ((*name).to_owned(), plain(&cell))).collect();
    ViewRow { table: table.name.to_owned(), cells }
}

fn plain(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Text(text) => text.to_string(),
        Cell::Id(id) => id.to_string(),
        Cell::Time(at) => at.to_string(),
    }
}

impl State {
    fn forget(&mut self, partitions: &[Partition]) {
        let stays = |partition: &Partition| !partitions.contains(partition);
        self.payments.retain(|_, row| stays(&row.partition));
        self.operations.retain(|_, row| stays(&row.partition));
        self.refunds.retain(|_, row| stays(&row.partition));
        self.lines.retain(|(partition, _), _| stays(partition));
        self.postings.retain(|(partition, ..), _| stays(partition));
        self.settlements.retain(|_, row| stays(&row.partition));
        self.balances.retain(|_, row| stays(&row.partition));
        self.cursors.extend(partitions.iter().map(|p| (*p, ViewCursors::default())));
    }

    fn fold(&mut self, events: &[&[DecodedEvent]]) -> Result<(), ViewError> {
        let mut payments = PaymentsFold { rows: std::mem::take(&mut self.payments) };
        payments.fold(events)?;
        self.payments = payments.rows;
        let mut operations = OperationsFold { rows: std::mem::take(&mut self.operations) };
        operations.fold(events)?;
        self.operations = operations.rows;
        let mut refunds = RefundsFold { rows: std::mem::take(&mut self.refunds) };
        refunds.fold(events)?;
        self.refunds = refunds.rows;
        let mut settlements = SettlementsFold::default();
        settlements.fold(events)?;
        for line in settlements.lines {
            self.lines.insert((line.partition, line.position), line);
        }
        for row in settlements.totals.into_values() {
            let name =
                format!("{} {} {} {}", row.partition, row.merchant_id, row.currency, row.date);
            add_settlement(&mut self.settlements, name, row);
        }
        let mut journal = JournalFold::default();
        journal.fold(events)?;
        for row in journal.rows {
            self.postings.insert((row.partition, row.position, row.posting.line), row);
        }
        let mut balances = BalancesFold::default();
        balances.fold(events)?;
        for row in balances.totals.into_values() {
            let account = row.account.as_str();
            let name = format!("{} {} {} {account}", row.partition, row.merchant_id, row.currency);
            match self.balances.get_mut(&name) {
                Some(known) => {
                    known.debits += row.debits;
                    known.credits += row.credits;
                }
                None => drop(self.balances.insert(name, row)),
            }
        }
        Ok(())
    }
}

fn add_settlement(rows: &mut BTreeMap<String, SettlementRow>, name: String, row: SettlementRow) {
    match rows.get_mut(&name) {
        Some(known) => {
            known.captures += row.captures;
            known.refunds += row.refunds;
            known.gross += row.gross;
            known.refunded += row.refunded;
            known.fees += row.fees;
        }
        None => drop(rows.insert(name, row)),
    }
}

#[async_trait]
impl ForgetViews for MemoryViews {
    async fn forget(&self, partitions: &[Partition]) -> Result<(), ViewError> {
        self.state().forget(partitions);
        Ok(())
    }
}

#[async_trait]
impl ViewStore for MemoryViews {
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
        Ok(self.state().cursors.iter().map(|(partition, cursors)| (*partition, *cursors)).collect())
    }

    fn writers(&self) -> usize {
        1
    }

    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError> {
        let mut state = self.state();
        let stands = |batch: &Batch| {
            let cursors = state.cursors.get(&batch.partition).copied().unwrap_or_default();
            View::ALL.into_iter().all(|view| cursors.of(view) == batch.cursors.of(view))
        };
        if !batches.iter().all(stands) {
            return Ok(Applied::Superseded);
        }
        if let Some(parking) = batches.iter().find_map(|batch| batch.parking.first()) {
            return Err(refused(&parking.cause));
        }
        // The views move together here, so what is new to one is new to all.
        let seen = |batch: &Batch| batch.cursors.lowest().position;
        let mut next = state.clone();
        for batch in batches {
            let new = batch.events.partition_point(|(event, _)| event.position <= seen(batch));
            next.fold(&[&batch.events[new..]])?;
            next.cursors.insert(batch.partition, batch.end());
        }
        *state = next;
        Ok(Applied::Moved)
    }

    async fn parked(&self) -> Result<ParkedPayments, ViewError> {
        Ok(ParkedPayments::default())
    }

    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError> {
        Ok(Vec::new())
    }

    async fn unpark(&self, _unparking: Unparking<'_>) -> Result<Unparked, ViewError> {
        Ok(Unparked::NotParked)
    }

    async fn snapshot(&self, _partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        Err(refused("the oracle looks at the rows itself"))
    }
}

fn refused(cause: &str) -> ViewError {
    ViewError::Store(StoreError::Refused(format!("the views in memory: {cause}")))
}
