//! Whether the ledger holds the same: what it doesn't is put aside, and its own events stand instead.

use std::collections::BTreeMap;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::{EventsDigest, Recorded, StoreError, Stretch};

use super::TopicFeed;
use super::sorting::{Claim, Refused, Sorted};

/// Records out of their turn that are compared at once; more than these are passed over unread.
const COMPARED_MAX: usize = 200;

impl TopicFeed {
    /// The next events of each partition, each as the ledger has it.
    pub(super) async fn check(
        &self,
        sorted: Vec<Sorted>,
        limit: u32,
        refused: &mut Vec<Refused>,
    ) -> Result<BTreeMap<Partition, Vec<Recorded>>, StoreError> {
        let stretches: Vec<Stretch> = sorted.iter().map(stretch).collect();
        let digests = self.ledger.digests(&stretches).await?;
        let mut checked = BTreeMap::new();
        for (sorted, digest) in sorted.into_iter().zip(digests) {
            let Sorted { partition, after, .. } = sorted;
            let has_gap = sorted.has_gap();
            let stretch = stretch(&sorted);
            let (mut events, others) =
                if EventsDigest::of(sorted.next.iter().map(|(_, e)| e)) == digest {
                    let next = sorted.next.into_iter().map(|(_, event)| event);
                    (next.collect::<Vec<_>>(), sorted.others)
                } else {
                    let events = self.ledger.read(&[stretch]).await?;
                    self.metrics.refilled(events.len());
                    (events, [sorted.next, sorted.others].concat())
                };
            if has_gap {
                let from = after.saturating_add(1).saturating_add(count(events.len()));
                let behind = self.ledger.read(&[Stretch { partition, from, limit }]).await?;
                self.metrics.refilled(behind.len());
                events.extend(behind);
            }
            self.compare(partition, &events, others, refused).await?;
            checked.insert(partition, events);
        }
        Ok(checked)
    }

    /// Refuses those of the claims that the ledger contradicts.
    async fn compare(
        &self,
        partition: Partition,
        events: &[Recorded],
        claims: Vec<Claim>,
        refused: &mut Vec<Refused>,
    ) -> Result<(), StoreError> {
        if claims.is_empty() {
            return Ok(());
        }
        let mut known: BTreeMap<u64, Recorded> =
            events.iter().map(|event| (event.position, event.clone())).collect();
        let mut unknown: Vec<u64> = claims.iter().map(|(_, event)| event.position).collect();
        unknown.retain(|position| !known.contains_key(position));
        unknown.sort_unstable();
        unknown.dedup();
        unknown.truncate(COMPARED_MAX);
        let stretch = |position: &u64| Stretch { partition, from: *position, limit: 1 };
        let stretches: Vec<Stretch> = unknown.iter().map(stretch).collect();
        for event in self.ledger.read(&stretches).await? {
            known.insert(event.position, event);
        }
        for (record, claimed) in claims {
            let position = claimed.position;
            let cause = match known.get(&position) {
                Some(event) if is_same(event, &claimed) => {
                    self.metrics.repeated();
                    continue;
                }
                Some(event) => format!(
                    "it is not the event that the ledger holds at {partition}:{position}, {}",
                    event.event_id
                ),
                None if unknown.contains(&position) => {
                    format!("the ledger holds nothing at {partition}:{position}")
                }
                None => continue,
            };
            refused.push(Refused { record, cause });
        }
        Ok(())
    }
}

fn stretch(sorted: &Sorted) -> Stretch {
    Stretch {
        partition: sorted.partition,
        from: sorted.after.saturating_add(1),
        limit: u32::try_from(sorted.next.len()).unwrap_or(u32::MAX),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a view would be folded from both alike.
fn is_same(one: &Recorded, other: &Recorded) -> bool {
    EventsDigest::of([one]) == EventsDigest::of([other])
}
