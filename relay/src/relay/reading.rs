//! Reading ahead: the next events are read while the last ones are sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::cursor::{Cursor, Diverged, Found, Step};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Ledger, Recorded, StoreError, Stretch};
use tokio_util::task::AbortOnDropHandle;

use super::RelayError;

/// A read under way.
pub(super) struct Reading {
    task: AbortOnDropHandle<Result<Vec<Recorded>, RelayError>>,
    /// Where each partition was read to before; one that begins anew meanwhile is taken out.
    after: BTreeMap<Partition, Cursor>,
    share: u32,
}

/// What a read came to.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Each partition's events, following where it was read to before.
    pub(super) events: BTreeMap<Partition, Vec<Recorded>>,
    /// Whether a partition may have more.
    pub(super) is_full: bool,
}

impl Reading {
    /// About `limit` events after these cursors, an equal share of each partition.
    pub(super) fn start(
        ledger: &Arc<dyn Ledger>,
        after: BTreeMap<Partition, Cursor>,
        limit: u32,
    ) -> Self {
        let count = u32::try_from(after.len()).unwrap_or(u32::MAX).max(1);
        let share = (limit / count).max(1);
        let reading = read(Arc::clone(ledger), after.clone(), share);
        Self { task: AbortOnDropHandle::new(tokio::spawn(reading)), after, share }
    }

    /// What it reads of this partition is not wanted any more.
    pub(super) fn forget(&mut self, partition: Partition) {
        self.after.remove(&partition);
    }

    /// Waits for it to end; may be dropped and called again.
    pub(super) async fn ended(&mut self) -> Result<Read, RelayError> {
        let events = (&mut self.task).await.map_err(|error| {
            let cause = format!("a read ended early: {error}");
            StoreError::Unavailable { store: "ledger", cause }
        })??;
        let mut read = Read::default();
        let mut cursors = self.after.clone();
        for event in events {
            let Some(cursor) = cursors.get_mut(&event.partition) else { continue };
            match cursor.step(&event)? {
                Step::Repeat => {}
                Step::Next => {
                    *cursor = Cursor::at(&event);
                    read.events.entry(event.partition).or_default().push(event);
                }
                Step::Gap => return Err(gap(&event, *cursor).into()),
            }
        }
        let is_full = |events: &Vec<_>| events.len() as u64 >= u64::from(self.share);
        read.is_full = read.events.values().any(is_full);
        Ok(read)
    }
}

async fn read(
    ledger: Arc<dyn Ledger>,
    after: BTreeMap<Partition, Cursor>,
    share: u32,
) -> Result<Vec<Recorded>, RelayError> {
    let heads = ledger.heads().await?;
    let mut stretches = Vec::with_capacity(after.len());
    for (partition, cursor) in &after {
        let head = heads.get(partition.index()).map_or(0, |head| head.position);
        cursor.check_head(*partition, head)?;
        if head > cursor.position {
            // The cursor's own event is read again, to see that it is still the same.
            let own = u32::from(cursor.position > 0);
            let (from, limit) = (cursor.position.max(1), share.saturating_add(own));
            stretches.push(Stretch { partition: *partition, from, limit });
        }
    }
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let events = ledger.read(&stretches).await?;
    // A head says that there are events: none at all is a hole, and must not pass for idleness.
    for stretch in &stretches {
        let is_there = |event: &Recorded| event.partition == stretch.partition;
        if !events.iter().any(is_there) {
            let cause = format!(
                "partition {} has nothing at position {} although its head is beyond",
                stretch.partition, stretch.from
            );
            return Err(StoreError::Damaged { store: "ledger", cause }.into());
        }
    }
    Ok(events)
}

/// Positions are gapless in the ledger itself, so a gap there is another history.
fn gap(event: &Recorded, reached: Cursor) -> Diverged {
    Diverged {
        partition: event.partition,
        position: reached.position.saturating_add(1),
        expected: event.event_id,
        found: Found::Nothing,
    }
}
