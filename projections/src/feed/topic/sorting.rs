//! What was read, by what it may be: the next events, repeats and what stands ahead, or nothing of the
//! relay's at all.

use std::collections::BTreeMap;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Ledger, LedgerIdentity, Recorded};
use daybook_engine::record::{Malformed, Published, TopicRecord};

use crate::feed::Wanted;

/// A record that is not believed, and why.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) record: TopicRecord,
    pub(super) cause: String,
}

/// A record and the event that it says it is.
pub(super) type Claim = (TopicRecord, Recorded);

/// One partition's records.
#[derive(Debug)]
pub(super) struct Sorted {
    pub(super) partition: Partition,
    /// Up to here everything was known.
    pub(super) after: u64,
    /// Positions `after + 1`, `after + 2`…
    pub(super) next: Vec<Claim>,
    /// What was known, what came twice, and what stands behind a gap.
    pub(super) others: Vec<Claim>,
}

impl Sorted {
    /// The records of each wanted partition that has some, and those that are none of the relay's. What
    /// an incarnation before has published and a restore has lost is passed over.
    pub(super) fn all(
        wanted: &[Wanted],
        records: Vec<TopicRecord>,
        ledger: &dyn Ledger,
    ) -> (Vec<Self>, Vec<Refused>) {
        let mut refused = Vec::new();
        let mut sorted: BTreeMap<Partition, Self> = BTreeMap::new();
        for record in records {
            let partition = record.partition;
            let known = wanted.iter().find(|wanted| wanted.partition == partition);
            let Some(Wanted { after, .. }) = known else { continue };
            let identity = ledger.identity();
            match claimed(&record, &identity) {
                Ok((incarnation, event))
                    if ledger.incarnations().is_void(partition, incarnation, event.position) =>
                {
                    let position = event.position;
                    tracing::debug!(%partition, position, incarnation, "lost by a restore");
                }
                Ok((_, event)) => {
                    let empty = || Self::new(partition, after.position);
                    sorted.entry(partition).or_insert_with(empty).add((record, event));
                }
                Err(cause) => refused.push(Refused { record, cause: cause.to_string() }),
            }
        }
        (sorted.into_values().collect(), refused)
    }

    const fn new(partition: Partition, after: u64) -> Self {
        Self { partition, after, next: Vec::new(), others: Vec::new() }
    }

    fn add(&mut self, claim: Claim) {
        let is_next = claim.1.position == self.end().saturating_add(1);
        if is_next { &mut self.next } else { &mut self.others }.push(claim);
    }

    /// The position of the last of the next events.
    pub(super) fn end(&self) -> u64 {
        self.after.saturating_add(u64::try_from(self.next.len()).unwrap_or(u64::MAX))
    }

    /// Whether a record stands behind a gap.
    pub(super) fn has_gap(&self) -> bool {
        let end = self.end();
        self.others.iter().any(|(_, event)| event.position > end)
    }
}

/// The event that a record says it is, and its incarnation.
fn claimed(record: &TopicRecord, ledger: &LedgerIdentity) -> Result<(u32, Recorded), Malformed> {
    let published = Published::read(record)?;
    published.check(ledger)?;
    Ok((published.incarnation, published.recorded))
}
