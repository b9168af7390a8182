//! A partition by position: gapless, in the right partition, and as its seals say.
//!
//! The walk payment by payment reads every event once and leaves its hash here, 32 bytes at its position;
//! what positions and seals say is told from these at the end, so that nothing is read twice. A partition
//! with more events than fit is taken in stretches, and read once more for each but the first.

use super::seals::SealCheck;
use super::{Finding, Findings, PAGE};
use crate::ledger::{Head, Ledger, Recorded, StoreError, Stretch};
use crate::seal::ChainLink;

/// Events of a partition whose hashes are kept, 48 MiB of them.
pub const LINKS_MAX: u64 = 1_500_000;

/// What the walk of one partition has seen, by position.
#[derive(Debug)]
pub struct Positions {
    head: Head,
    /// Of positions 1, 2, 3… up to the head or the bound.
    links: Vec<Option<ChainLink>>,
}

impl Positions {
    /// Keeps the hashes of up to `max` events.
    #[must_use]
    pub fn new(head: Head, max: u64) -> Self {
        let kept = usize::try_from(head.position.min(max)).unwrap_or(0);
        Self { head, links: vec![None; kept] }
    }

    /// An event of the partition, whatever its payment's other events are like.
    pub fn see(&mut self, event: &Recorded, partitions: u16, findings: &mut Findings) {
        let Head { partition, .. } = self.head;
        if event.payment_id.partition(partitions) != partition {
            findings.add(Finding {
                partition,
                position: Some(event.position),
                payment_id: Some(event.payment_id),
                what: "the payment belongs to another partition".to_owned(),
            });
        }
        let index = event.position.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        if let Some(link) = index.and_then(|index| self.links.get_mut(index)) {
            *link = Some(ChainLink::of(event));
        }
    }

    /// Checks that positions 1 to the head were seen, and hands each to the checks of seals. What was not
    /// kept is read from the ledger.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn finish(
        self,
        ledger: &dyn Ledger,
        seals: &mut [SealCheck],
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let Head { partition, position: end } = self.head;
        let mut gaps = Gaps { head: self.head, expected: 1 };
        let mut take = |position: u64, link: &ChainLink, findings: &mut Findings| {
            gaps.see(position, findings);
            for seals in &mut *seals {
                seals.add(position, link, findings);
            }
        };
        for (position, link) in (1_u64..).zip(&self.links) {
            if let Some(link) = link {
                take(position, link, findings);
            }
        }
        let mut from = u64::try_from(self.links.len()).unwrap_or(u64::MAX).saturating_add(1);
        while from <= end {
            let stretch = Stretch { partition, from, limit: PAGE };
            let page = ledger.read(&[stretch]).await?;
            for event in page.iter().take_while(|event| event.position <= end) {
                take(event.position, &ChainLink::of(event), findings);
            }
            from = stretch.last().saturating_add(1);
        }
        gaps.see(end.saturating_add(1), findings);
        for seals in seals {
            seals.finish(findings);
        }
        Ok(())
    }
}

struct Gaps {
    head: Head,
    /// The position that comes next.
    expected: u64,
}

impl Gaps {
    fn see(&mut self, position: u64, findings: &mut Findings) {
        let from = self.expected;
        if position > from {
            let until = position.saturating_sub(1);
            findings.add(Finding {
                partition: self.head.partition,
                position: Some(from),
                payment_id: None,
                what: format!("no event stands at positions {from} to {until}"),
            });
        }
        self.expected = position.saturating_add(1);
    }
}
