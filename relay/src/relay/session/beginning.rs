//! Taking up partitions and letting them go, as the leases have it.

use std::collections::BTreeMap;

use daybook_engine::cursor::{Cursor, Diverged, Found};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::Stretch;

use super::super::track::{Phase, Track};
use super::super::{Relay, RelayError};
use super::Session;
use crate::cursors::RelayCursor;

impl Session<'_> {
    /// Begins the partitions that are held now and lets the others go.
    pub(super) async fn follow_leases(&mut self) -> Result<(), RelayError> {
        let held = self.relay.on.partitions.now();
        let tracked: Vec<_> = self.tracks.keys().copied().collect();
        for partition in tracked.iter().filter(|partition| !held.contains(partition)) {
            self.end_track(*partition, Phase::Leaving);
        }
        self.tracks.retain(|partition, track| !track.has_ended(*partition));
        let is_new = |partition: &&Partition| !self.tracks.contains_key(partition);
        let new: Vec<_> = held.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let (cursors, topic) = (&self.relay.on.cursors, self.relay.on.broker.name());
        let found = cursors.load(topic, &new).await?;
        let mut found: BTreeMap<_, _> = new.into_iter().zip(found).collect();
        self.check_ledger(&found).await?;
        let saved = found.clone();
        self.check_topic(&mut found).await?;
        for (partition, cursor) in found {
            self.deliveries.begin(partition, cursor.published.position, cursor.offset);
            if cursor.begun_after > 0 {
                self.relay.remember_begun_after(partition, cursor.begun_after);
            }
            let mut track = Track::begin(cursor);
            track.saved = saved.get(&partition).copied().unwrap_or_default();
            self.tracks.insert(partition, track);
        }
        Ok(())
    }

    /// The ledger must still hold what was published from it.
    async fn check_ledger(
        &self,
        cursors: &BTreeMap<Partition, RelayCursor>,
    ) -> Result<(), RelayError> {
        let ledger = &self.relay.on.ledger;
        let heads = ledger.heads().await?;
        let mut stretches = Vec::with_capacity(cursors.len());
        for (partition, RelayCursor { published, .. }) in cursors {
            let head = heads.get(partition.index()).map_or(0, |head| head.position);
            published.check_head(*partition, head)?;
            if published.position > 0 {
                let (partition, from) = (*partition, published.position);
                stretches.push(Stretch { partition, from, limit: 1 });
            }
        }
        let events = ledger.read(&stretches).await?;
        let events: BTreeMap<_, _> = events.iter().map(|event| (event.partition, event)).collect();
        for (partition, RelayCursor { published, .. }) in cursors {
            let Cursor { position, event_id: Some(expected) } = *published else { continue };
            match events.get(partition) {
                Some(event) => published.step(event).map(|_| ())?,
                None => {
                    let (partition, found) = (*partition, Found::Nothing);
                    return Err(Diverged { partition, position, expected, found }.into());
                }
            }
        }
        Ok(())
    }

    /// A topic that ends before the last record it has acknowledged is not the one that was
    /// published to: it goes on from the cursor, and its readers get the rest from the ledger.
    async fn check_topic(
        &self,
        cursors: &mut BTreeMap<Partition, RelayCursor>,
    ) -> Result<(), RelayError> {
        let known = cursors.iter().filter(|(_, cursor)| cursor.offset.is_some());
        let known: Vec<_> = known.map(|(partition, _)| *partition).collect();
        if known.is_empty() {
            return Ok(());
        }
        for offsets in self.relay.on.broker.offsets(&known).await? {
            let Some(cursor) = cursors.get_mut(&offsets.partition) else { continue };
            if cursor.offset.is_some_and(|offset| offset >= offsets.end) {
                cursor.begun_after = cursor.published.position;
                cursor.offset = None;
                self.relay.tell_begun_anew(offsets.partition, cursor.begun_after);
            }
        }
        Ok(())
    }
}

impl Relay {
    /// Says that the topic has lost what it had.
    pub(super) fn tell_begun_anew(&self, partition: Partition, position: u64) {
        tracing::warn!(
            %partition, position, topic = %self.on.broker.name(),
            "the topic does not hold what it had acknowledged: it was deleted and created again, or \
             lost its end; it goes on after this position, and readers get the rest from the ledger"
        );
        self.remember_begun_after(partition, position);
    }

    fn remember_begun_after(&self, partition: Partition, position: u64) {
        self.health.send_modify(|health| {
            health.begun_after.insert(partition, position);
        });
    }
}
