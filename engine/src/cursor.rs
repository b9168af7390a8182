//! How far a reader has got in a partition, and whether what comes next fits.

use crate::ids::{EventId, Partition};
use crate::ledger::Recorded;

/// A position and the event standing there; the start has neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub position: u64,
    pub event_id: Option<EventId>,
}

/// How a record relates to a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It follows directly.
    Next,
    /// It was seen before: skip it.
    Repeat,
    /// Something between is missing: refill it from the ledger.
    Gap,
}

/// The reader and the ledger disagree about history: the reader stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "LEDGER_DIVERGED: partition {partition} position {position} held event {expected}, but {found}: \
     the ledger is not the one this reader followed; rebuild the reader's tables, or restore the \
     right ledger"
)]
pub struct Diverged {
    pub partition: Partition,
    pub position: u64,
    pub expected: EventId,
    pub found: Found,
}

/// What stands where the reader remembers an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Other(EventId),
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("the ledger now ends before it"),
            Self::Other(event_id) => write!(f, "now holds event {event_id}"),
        }
    }
}

impl Cursor {
    /// Where a reader of `recorded` stands.
    #[must_use]
    pub const fn at(recorded: &Recorded) -> Self {
        Self { position: recorded.position, event_id: Some(recorded.event_id) }
    }

    /// How `recorded` follows this cursor.
    ///
    /// # Errors
    /// When it holds the cursor's position with another event.
    pub fn step(&self, recorded: &Recorded) -> Result<Step, Diverged> {
        if recorded.position > self.position {
            let is_next = recorded.position == self.position.saturating_add(1);
            return Ok(if is_next { Step::Next } else { Step::Gap });
        }
        match self.event_id {
            Some(expected)
                if recorded.position == self.position && expected != recorded.event_id =>
            {
                Err(Diverged {
                    partition: recorded.partition,
                    position: recorded.position,
                    expected,
                    found: Found::Other(recorded.event_id),
                })
            }
            _ => Ok(Step::Repeat),
        }
    }

    /// # Errors
    /// When the cursor stands beyond the partition's head.
    pub fn check_head(&self, partition: Partition, head: u64) -> Result<(), Diverged> {
        match self.event_id {
            Some(expected) if self.position > head => Err(Diverged {
                partition,
                position: self.position,
                expected,
                found: Found::Nothing,
            }),
            _ => Ok(()),
        }
    }
}
