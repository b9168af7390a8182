//! Reading on while batches are written: neither the store of the views nor the feed waits for the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::Head;

use super::Projector;
use crate::error::ViewError;
use crate::feed::{Fed, Feed, Wanted};
use crate::views::{Batch, ViewCursors};

/// What was read before it was known whether the batches ahead of it are applied.
pub(super) struct Ahead {
    /// It serves only where the views stand here.
    after: BTreeMap<Partition, ViewCursors>,
    fed: Fed,
}

/// A reading that is to run beside the writing of batches.
pub(super) struct Reading {
    feed: Arc<dyn Feed>,
    wanted: Vec<Wanted>,
    after: BTreeMap<Partition, ViewCursors>,
    limit: u32,
}

impl Reading {
    /// A feed that can't be read is met again by the step that needs it.
    pub(super) async fn run(self) -> Option<Ahead> {
        let Self { feed, wanted, after, limit } = self;
        let fed = feed.next(&wanted, limit).await.ok()?;
        Some(Ahead { after, fed })
    }
}

impl Projector {
    /// What follows the cursors, out of what was read ahead where that still serves.
    pub(super) async fn fed(
        &mut self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        wanted: &[Wanted],
    ) -> Result<Fed, ViewError> {
        match self.ahead.take().filter(|ahead| ahead.after == *cursors) {
            Some(ahead) => Ok(ahead.fed),
            None => Ok(self.feed.next(wanted, self.pace.batch_max).await?),
        }
    }

    /// Only behind full batches: where events come slowly, the next would be read before they are there.
    pub(super) fn reading_ahead(
        &self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        heads: &[Head],
        batches: &[Batch],
    ) -> Result<Option<Reading>, ViewError> {
        let events = batches.iter().map(Batch::positions).fold(0, usize::saturating_add);
        if !self.pace.is_full(events) {
            return Ok(None);
        }
        let mut after = cursors.clone();
        after.extend(batches.iter().map(|batch| (batch.partition, batch.end())));
        // What was read may lie beyond the heads that were looked up before it.
        let at_least = |head: &Head| {
            let reached = after.get(&head.partition).map_or(0, |c| c.highest().position);
            Head { position: head.position.max(reached), ..*head }
        };
        let heads: Vec<Head> = heads.iter().map(at_least).collect();
        let wanted = self.wanted(&after, &heads)?;
        let (feed, limit) = (self.feed.clone(), self.pace.batch_max);
        Ok(Some(Reading { feed, wanted, after, limit }))
    }
}
