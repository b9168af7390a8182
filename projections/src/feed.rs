//! Where the projector's events come from, and the check that they follow what was seen before.

mod ledger;
mod texts;
pub mod topic;

pub use ledger::LedgerFeed;
pub use topic::TopicFeed;

pub(crate) use texts::texts_of;

use async_trait::async_trait;
use daybook_engine::cursor::{Cursor, Diverged, Found, Step};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Recorded, StoreError};

use crate::views::ViewCursors;

/// What the projector wants of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub partition: Partition,
    /// Everything up to here was seen.
    pub after: Cursor,
    /// Where the partition ends in the ledger; never before `after`.
    pub head: u64,
    /// Where reading of the topic goes on, as far as that is known.
    pub topic_offset: Option<u64>,
}

/// What a feed has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    pub records: Vec<Recorded>,
    /// Where reading of the topic goes on behind these records, for a feed that reads one.
    pub topic_offsets: Vec<(Partition, u64)>,
}

impl From<Vec<Recorded>> for Fed {
    fn from(records: Vec<Recorded>) -> Self {
        Self { records, topic_offsets: Vec::new() }
    }
}

/// The port.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// About `limit` events after the given cursors, by partition and position. Each partition's
    /// begin with the event standing at its cursor, so that it is checked each time; a partition
    /// that has nothing to say may be missing.
    ///
    /// # Errors
    /// When the source can't be read.
    async fn next(&self, wanted: &[Wanted], limit: u32) -> Result<Fed, StoreError>;
}

/// What a feed's records of one partition come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Sequence {
    /// These follow the cursors without a gap.
    Whole(Vec<Recorded>),
    /// This position was not among them: refill from the ledger.
    Missing(u64),
}

/// Checks the records of one partition against every view's cursor and against each other.
///
/// # Errors
/// When a known position holds another event.
pub fn sequence(cursors: &ViewCursors, records: Vec<Recorded>) -> Result<Sequence, Diverged> {
    let start = cursors.lowest();
    let mut at = start;
    let mut next: Vec<Recorded> = Vec::with_capacity(records.len());
    let own = start.position.max(1);
    if records.first().is_some_and(|first| first.position > own) {
        return Ok(Sequence::Missing(own));
    }
    for recorded in records {
        cursors.check(&recorded)?;
        match at.step(&recorded)? {
            Step::Next => {
                at = Cursor::at(&recorded);
                next.push(recorded);
            }
            Step::Repeat => check_repeat(start, &next, &recorded)?,
            Step::Gap => return Ok(Sequence::Missing(at.position.saturating_add(1))),
        }
    }
    Ok(Sequence::Whole(next))
}

/// A position that came before in these records must have come with the same event.
fn check_repeat(start: Cursor, next: &[Recorded], repeat: &Recorded) -> Result<(), Diverged> {
    let index = repeat.position.checked_sub(start.position.saturating_add(1));
    let known = index.and_then(|index| next.get(usize::try_from(index).ok()?));
    match known {
        Some(known) if known.event_id != repeat.event_id => Err(Diverged {
            partition: repeat.partition,
            position: repeat.position,
            expected: known.event_id,
            found: Found::Other(repeat.event_id),
        }),
        _ => Ok(()),
    }
}
