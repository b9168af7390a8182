//! What the check found.

use std::fmt;

use daybook_engine::ids::Partition;

/// Differences that are kept; more are counted.
const KEPT: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Records that were read.
    pub records: u64,
    /// Of them, those whose event had stood before them already.
    pub repeats: u64,
    /// Of them, those of an incarnation before whose event a restore has lost.
    pub voided: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// So many more.
    pub more: u64,
    pub notes: Vec<Note>,
}

impl VerifyReport {
    pub(super) fn add(&mut self, difference: Difference) {
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Where the topic is not as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub partition: Partition,
    /// The record; `None` where there is none.
    pub offset: Option<u64>,
    /// First and last.
    pub positions: Option<(u64, u64)>,
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}", self.partition)?;
        if let Some(offset) = self.offset {
            write!(f, " offset {offset}")?;
        }
        match self.positions {
            Some((first, last)) if first == last => write!(f, " position {first}")?,
            Some((first, last)) => write!(f, " positions {first} to {last}")?,
            None => {}
        }
        write!(f, ": {}", self.what)
    }
}

/// What is worth saying, and no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The oldest records are gone; the position of the first that is left.
    CutOff { partition: Partition, offset: u64, position: Option<u64> },
    /// The topic was created anew when the relay stood there.
    BegunAfter { partition: Partition, position: u64 },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff { partition, offset, position: Some(position) } => write!(
                f,
                "partition {partition} begins at offset {offset}, position {position}: older \
                 records were deleted"
            ),
            Self::CutOff { partition, offset, position: None } => write!(
                f,
                "partition {partition} begins at offset {offset} and is empty: its records were \
                 deleted"
            ),
            Self::BegunAfter { partition, position } => write!(
                f,
                "partition {partition} begins after position {position}: the topic was created \
                 anew then"
            ),
        }
    }
}
