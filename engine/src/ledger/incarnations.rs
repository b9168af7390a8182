//! Where each incarnation of a ledger began: what it takes to tell the past of a restored ledger from
//! one that it does not have any more.

use crate::defects::{Defect, is_planted};
use crate::ids::Partition;

/// Where an incarnation began in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncarnationStart {
    /// 2 or more: the first begins with the ledger.
    pub incarnation: u32,
    pub partition: Partition,
    /// Up to here the restored ledger held what the incarnation before had written.
    pub begun_after: u64,
}

/// Every start; none where a ledger was never restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incarnations(Vec<IncarnationStart>);

pub(super) static NEVER_RESTORED: Incarnations = Incarnations(Vec::new());

impl Incarnations {
    #[must_use]
    pub const fn new(starts: Vec<IncarnationStart>) -> Self {
        Self(starts)
    }

    /// These, and one that begins where a partition now ends.
    #[must_use]
    pub fn and(&self, start: IncarnationStart) -> Self {
        Self(self.0.iter().copied().chain([start]).collect())
    }

    /// Every start in a partition.
    pub fn of(&self, partition: Partition) -> impl Iterator<Item = &IncarnationStart> {
        self.0.iter().filter(move |start| start.partition == partition)
    }

    /// Where an incarnation began in a partition; `None` for the first.
    #[must_use]
    pub fn begun_after(&self, partition: Partition, incarnation: u32) -> Option<u64> {
        let mut own = self.of(partition);
        own.find(|start| start.incarnation == incarnation).map(|start| start.begun_after)
    }

    /// Whether what an incarnation wrote at a position was lost by a restore: its place may be taken by
    /// another event since.
    #[must_use]
    pub fn is_void(&self, partition: Partition, incarnation: u32, position: u64) -> bool {
        let off_by = u64::from(is_planted(Defect::VoidRuleOffByOne));
        self.of(partition).any(|start| {
            start.incarnation > incarnation && start.begun_after < position.saturating_add(off_by)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_incarnation_did_not_find_is_void() {
        let partition = Partition::new(3);
        let start =
            |incarnation, begun_after| IncarnationStart { incarnation, partition, begun_after };
        let starts = Incarnations::new(vec![start(2, 10), start(3, 7)]);
        assert_eq!(starts.begun_after(partition, 3), Some(7));
        assert_eq!(starts.begun_after(partition, 1), None);
        assert_eq!(starts.begun_after(Partition::new(4), 3), None);
        for (incarnation, position, is_void) in [
            (1, 7, false),
            (1, 8, true),
            (2, 7, false),
            (2, 8, true),
            (2, 99, true),
            (3, 99, false),
        ] {
            let found = starts.is_void(partition, incarnation, position);
            assert_eq!(found, is_void, "incarnation {incarnation} position {position}");
            assert!(!starts.is_void(Partition::new(4), incarnation, position));
        }
    }
}
