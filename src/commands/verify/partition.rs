//! The check of one partition.

use std::sync::Arc;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::Head;
use daybook_engine::seal::Seal;
use daybook_engine::verify::{
    ExportedSeals, Findings, PaymentWalk, Positions, SealCheck, check_incarnations, stored_seals,
};
use daybook_projections::{ViewCheck, ViewReport, ViewStore};
use indicatif::ProgressBar;

use super::readers::Readers;
use crate::cli::Failure;
use crate::wiring::Book;

/// What every partition is checked against.
pub(super) struct PartitionCheck {
    pub(super) book: Book,
    pub(super) views: Arc<dyn ViewStore>,
    pub(super) readers: Readers,
    pub(super) exported: Option<ExportedSeals>,
    pub(super) bar: ProgressBar,
}

/// What was looked at in one partition, and what was wrong.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) findings: Findings,
    pub(super) head: u64,
    pub(super) events: u64,
    pub(super) payments: u64,
    pub(super) open_operations: u64,
    pub(super) seals: u64,
    /// The last position that a seal covers.
    pub(super) sealed: u64,
    pub(super) exported_seals: u64,
    /// Exported seals of what a restore has lost.
    pub(super) void_seals: u64,
    pub(super) views: ViewReport,
}

impl PartitionCheck {
    pub(super) async fn run(&self, partition: Partition) -> Result<Checked, Failure> {
        let unavailable = |error| Failure::dependency("the views", &error);
        let ledger = self.book.ledger.as_ref();
        // The views' rows, the seals and the cursors first, then the head: so every event that they have
        // seen is walked.
        let mut check =
            ViewCheck::begin(self.views.as_ref(), partition).await.map_err(unavailable)?;
        let last = self.book.seals.last_seals(&[partition]).await?.pop().flatten();
        let readers = self.readers.of(partition).await?;
        let head = self.head(partition).await?;
        let mut checked = Checked { head: head.position, ..Checked::default() };
        for reader in readers {
            reader.check(ledger, head, &mut checked.findings).await?;
        }
        let mut walk = PaymentWalk::new(ledger, head);
        while let Some(history) = walk.next(&mut checked.findings).await? {
            let events = u64::try_from(history.events.len()).unwrap_or(u64::MAX);
            checked.events = checked.events.saturating_add(events);
            checked.payments = checked.payments.saturating_add(1);
            let open = history.payment.map_or(0, |payment| payment.open_operations().count());
            let open = u64::try_from(open).unwrap_or(u64::MAX);
            checked.open_operations = checked.open_operations.saturating_add(open);
            self.bar.inc(events);
            check.payment(&history.events, &history.texts).await.map_err(unavailable)?;
        }
        walk.check_beyond(self.head(partition).await?, &mut checked.findings);
        self.check_positions(walk.into_positions(), head, last, &mut checked).await?;
        checked.views = check.finish(ledger).await.map_err(unavailable)?;
        Ok(checked)
    }

    async fn head(&self, partition: Partition) -> Result<Head, Failure> {
        let heads = self.book.ledger.heads().await?;
        let head = heads.into_iter().find(|head| head.partition == partition);
        head.ok_or_else(|| {
            Failure::Dependency(format!("the ledger has lost its partition {partition}"))
        })
    }

    async fn check_positions(
        &self,
        positions: Positions,
        head: Head,
        last: Option<Seal>,
        checked: &mut Checked,
    ) -> Result<(), Failure> {
        let (ledger, findings) = (self.book.ledger.as_ref(), &mut checked.findings);
        let identity = ledger.identity();
        check_incarnations(&identity, ledger.incarnations(), head, findings);
        let store = self.book.seals.as_ref();
        let stored = stored_seals(store, last, identity.incarnation, findings).await?;
        checked.sealed = last.map_or(0, |seal| seal.position);
        let mut seals = Vec::with_capacity(2);
        if let Some(exported) = &self.exported {
            exported.compare(head.partition, &stored, identity.incarnation, findings);
            let (holding, void) = exported.holding(head.partition, ledger.incarnations());
            checked.void_seals = void;
            seals.push(SealCheck::new("exported seal", identity.id, head, holding));
        }
        seals.push(SealCheck::new("seal", identity.id, head, stored));
        positions.finish(ledger, &mut seals, findings).await?;
        checked.seals = seals.pop().map_or(0, |seals| seals.fitting());
        checked.exported_seals = seals.pop().map_or(0, |seals| seals.fitting());
        Ok(())
    }
}
