//! A partition by position: gapless, in the right partition, and as its seals say.

use super::seals::SealCheck;
use super::{Finding, Findings, PAGE};
use crate::ledger::{Head, Ledger, Recorded, StoreError, Stretch};

/// Checks that positions 1 to the head stand there, each once, each in its own partition, and hands each
/// event to the checks of seals.
///
/// # Errors
/// When the ledger can't be read.
pub async fn check_positions(
    ledger: &dyn Ledger,
    head: Head,
    seals: &mut [SealCheck],
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let Head { partition, position: end } = head;
    let mut check = PositionCheck { ledger, head, expected: 1 };
    while check.expected <= end {
        let stretch = Stretch { partition, from: check.expected, limit: PAGE };
        let page = ledger.read(&[stretch]).await?;
        for recorded in page.iter().take_while(|recorded| recorded.position <= end) {
            check.see(recorded, findings);
            for seals in &mut *seals {
                seals.add(recorded, findings);
            }
        }
        check.page_ends_at(end.min(stretch.last()), findings);
    }
    for seals in seals {
        seals.finish(findings);
    }
    Ok(())
}

struct PositionCheck<'a> {
    ledger: &'a dyn Ledger,
    head: Head,
    /// The position that comes next.
    expected: u64,
}

impl PositionCheck<'_> {
    fn see(&mut self, recorded: &Recorded, findings: &mut Findings) {
        let Head { partition, .. } = self.head;
        if recorded.position > self.expected {
            self.missing(recorded.position.saturating_sub(1), findings);
        }
        self.expected = recorded.position.saturating_add(1);
        if recorded.payment_id.partition(self.ledger.identity().partitions) != partition {
            findings.add(Finding {
                partition,
                position: Some(recorded.position),
                payment_id: Some(recorded.payment_id),
                what: "the payment belongs to another partition".to_owned(),
            });
        }
    }

    fn page_ends_at(&mut self, last: u64, findings: &mut Findings) {
        if self.expected <= last {
            self.missing(last, findings);
            self.expected = last.saturating_add(1);
        }
    }

    fn missing(&self, until: u64, findings: &mut Findings) {
        let from = self.expected;
        findings.add(Finding {
            partition: self.head.partition,
            position: Some(from),
            payment_id: None,
            what: format!("no event stands at positions {from} to {until}"),
        });
    }
}
