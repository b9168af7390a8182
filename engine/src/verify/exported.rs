//! The stored seals against exported ones, which nobody could change who changed the ledger.

use std::collections::BTreeMap;

use super::{Finding, Findings};
use crate::ids::Partition;
use crate::ledger::{Incarnations, LedgerIdentity};
use crate::seal::{ExportedSeal, Seal};

/// Exported seals by partition and number.
#[derive(Debug, Default)]
pub struct ExportedSeals(BTreeMap<Partition, BTreeMap<(u32, u64), Seal>>);

/// Why a file of exported seals can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSeals {
    #[error("line {line} {cause}")]
    Line { line: usize, cause: String },
    #[error("it has no seal")]
    Empty,
}

impl ExportedSeals {
    /// Reads lines such as `daybook seals export` writes, in any order; a repeated one is no error.
    ///
    /// # Errors
    /// Names the line that is none of this ledger's.
    pub fn read(text: &str, ledger: &LedgerIdentity) -> Result<Self, UnusableSeals> {
        let mut seals = Self::default();
        for (line, text) in (1_usize..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let cause = |cause: String| UnusableSeals::Line { line, cause };
            let exported = ExportedSeal::read(text).map_err(|error| cause(error.to_string()))?;
            if exported.ledger_id != ledger.id {
                let (found, own) = (exported.ledger_id, ledger.id);
                return Err(cause(format!("is of ledger {found}, and this one is {own}")));
            }
            if exported.partition.number() >= ledger.partitions {
                return Err(cause(format!("is of partition {}", exported.partition)));
            }
            let seal = exported.seal();
            let of_partition = seals.0.entry(seal.partition).or_default();
            let key = (seal.incarnation, seal.number);
            if of_partition.insert(key, seal).is_some_and(|other| other != seal) {
                return Err(cause(format!("contradicts an earlier one of seal {}", seal.number)));
            }
        }
        if seals.0.is_empty() { Err(UnusableSeals::Empty) } else { Ok(seals) }
    }

    /// Those of a partition that hold for the ledger as it is, by position, and how many a restore has
    /// made void.
    #[must_use]
    pub fn holding(&self, partition: Partition, incarnations: &Incarnations) -> (Vec<Seal>, u64) {
        let all = self.0.get(&partition).into_iter().flat_map(BTreeMap::values).copied();
        let is_void =
            |seal: &Seal| incarnations.is_void(partition, seal.incarnation, seal.position);
        let (void, mut holding): (Vec<Seal>, Vec<Seal>) = all.partition(is_void);
        holding.sort_by_key(|seal| (seal.position, seal.number));
        // Two incarnations may have sealed one position, with one hash where nothing was changed.
        holding.dedup_by_key(|seal| (seal.position, seal.hash));
        (holding, u64::try_from(void.len()).unwrap_or(u64::MAX))
    }

    /// Names stored seals that differ from the exported ones, and exported ones that are stored no more.
    pub fn compare(
        &self,
        partition: Partition,
        stored: &[Seal],
        incarnation: u32,
        findings: &mut Findings,
    ) {
        for exported in self.0.get(&partition).into_iter().flat_map(BTreeMap::values) {
            let index = usize::try_from(exported.number.saturating_sub(1)).unwrap_or(usize::MAX);
            let by_number = |seal: &&Seal| seal.number == exported.number;
            let near = stored.get(index).filter(by_number);
            let found = near.or_else(|| stored.iter().find(by_number));
            // A restore loses seals of the incarnation before it, and gives their numbers again.
            let is_current = exported.incarnation == incarnation;
            let what = match found {
                Some(found) if found.incarnation == exported.incarnation => {
                    if found == exported {
                        continue;
                    }
                    format!(
                        "seal {} was exported as {} up to position {}, and is {} up to position {}, made \
                         {} and not {}",
                        exported.number,
                        exported.hash,
                        exported.position,
                        found.hash,
                        found.position,
                        found.sealed_at,
                        exported.sealed_at
                    )
                }
                None if is_current => format!(
                    "seal {}, up to position {}, was exported and is missing in the ledger",
                    exported.number, exported.position
                ),
                Some(found) if is_current => format!(
                    "seal {} was exported by incarnation {}, and is one of incarnation {}",
                    exported.number, exported.incarnation, found.incarnation
                ),
                _ => continue,
            };
            let position = Some(exported.position);
            findings.add(Finding { partition, position, payment_id: None, what });
        }
    }
}
