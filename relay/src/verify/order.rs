//! Whether a partition's first occurrences come in the order of their positions, without a gap.

use std::collections::BTreeMap;

use daybook_engine::ids::Partition;

use super::{Difference, Note, VerifyReport};
use crate::cursors::RelayCursor;
use daybook_engine::broker::Offsets;

pub(super) struct Order {
    partition: Partition,
    offsets: Offsets,
    /// The ledger's, when the check began.
    head: u64,
    cursor: RelayCursor,
    /// The offset behind the last record that was read.
    reached: u64,
    /// The position of the first record.
    first: Option<u64>,
    /// The position below which each was seen, or is among the missing.
    expected: u64,
    /// The first and last of the positions that were skipped, and the offset where it was seen.
    missing: BTreeMap<u64, (u64, u64)>,
}

impl Order {
    pub(super) fn new(offsets: Offsets, head: u64, cursor: RelayCursor) -> Self {
        Self {
            partition: offsets.partition,
            offsets,
            head,
            cursor,
            reached: offsets.first,
            first: None,
            expected: cursor.begun_after.saturating_add(1),
            missing: BTreeMap::new(),
        }
    }

    /// Where to read from.
    pub(super) const fn start(&self) -> (Partition, u64) {
        (self.partition, self.offsets.first)
    }

    pub(super) fn reach(&mut self, offset: u64) {
        self.reached = self.reached.max(offset.saturating_add(1));
    }

    /// An event of the ledger stands here.
    pub(super) fn see(&mut self, position: u64, offset: u64, report: &mut VerifyReport) {
        if self.first.is_none() {
            self.first = Some(position);
            // What stood before was deleted, or was never in a topic that was created anew.
            let begins_there = self.offsets.first > 0 || position < self.expected;
            if begins_there {
                self.expected = position;
            }
        }
        if position >= self.expected {
            if position > self.expected {
                self.missing.insert(self.expected, (position.saturating_sub(1), offset));
            }
            self.expected = position.saturating_add(1);
        } else if self.found_again(position) {
            report.add(Difference {
                partition: self.partition,
                offset: Some(offset),
                positions: Some((position, position)),
                what: "is out of order: later positions stand before it".to_owned(),
            });
        } else {
            report.repeats = report.repeats.saturating_add(1);
        }
    }

    /// Takes the position out of the missing ones; whether it was one.
    fn found_again(&mut self, position: u64) -> bool {
        let around = self.missing.range(..=position).next_back();
        let Some((&first, &(last, offset))) = around.filter(|(_, (last, _))| *last >= position)
        else {
            return false;
        };
        self.missing.remove(&first);
        if first < position {
            self.missing.insert(first, (position.saturating_sub(1), offset));
        }
        if position < last {
            self.missing.insert(position.saturating_add(1), (last, offset));
        }
        true
    }

    /// Everything that was in the topic when the check began has been read.
    pub(super) const fn is_read(&self) -> bool {
        self.reached >= self.offsets.end
    }

    /// Everything that was in the ledger when the check began has been seen.
    pub(super) const fn is_complete(&self) -> bool {
        self.end() >= self.head
    }

    /// The last position that is accounted for.
    const fn end(&self) -> u64 {
        let published = self.cursor.published.position;
        let is_emptied = self.first.is_none() && self.offsets.first > 0;
        if is_emptied && published >= self.expected {
            published
        } else {
            self.expected.saturating_sub(1)
        }
    }

    pub(super) fn finish(&self, report: &mut VerifyReport) {
        let partition = self.partition;
        if self.offsets.first > 0 {
            let (offset, position) = (self.offsets.first, self.first);
            report.notes.push(Note::CutOff { partition, offset, position });
        } else if self.cursor.begun_after > 0 {
            let position = self.cursor.begun_after;
            report.notes.push(Note::BegunAfter { partition, position });
        }
        for (first, (last, offset)) in &self.missing {
            let what = "missing: this record stands where they should".to_owned();
            let positions = Some((*first, *last));
            report.add(Difference { partition, offset: Some(*offset), positions, what });
        }
        if !self.is_complete() {
            let (first, published) = (self.end().saturating_add(1), self.cursor.published.position);
            let what = if published >= self.head {
                format!("missing at the end, though the relay's cursor stands at {published}: lost")
            } else {
                format!("missing at the end: the relay's cursor stands at {published}")
            };
            let positions = Some((first, self.head));
            report.add(Difference { partition, offset: None, positions, what });
        }
    }
}
