//! Who should hold what: a fold of who holds what now, the same on every store.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::ids::Partition;

/// The live holders of a role with what each holds: no partition stands with two.
pub(super) type Held = BTreeMap<Uuid, BTreeSet<Partition>>;

/// What `holder` is to hold now, in order: it keeps what it has, gives up what is beyond its share
/// and takes what is free up to it. When all have asked a few times, nothing is free and no two
/// shares differ by more than one.
pub(super) fn fair_share(
    holder: Uuid,
    partitions: &BTreeSet<Partition>,
    held: &Held,
) -> Vec<Partition> {
    let taken: BTreeSet<_> = held.values().flatten().copied().collect();
    let own = held.get(&holder).into_iter().flatten().copied();
    let free = partitions.difference(&taken).copied();
    let mut share: Vec<_> = own.chain(free).take(quota(holder, partitions.len(), held)).collect();
    share.sort_unstable();
    share
}

/// Where the partitions can't be divided evenly, those who hold most keep one more than the others,
/// so that no more of them than needed change hands.
fn quota(holder: Uuid, partitions: usize, held: &Held) -> usize {
    let count = |other: &Uuid| held.get(other).map_or(0, BTreeSet::len);
    let mut live: BTreeSet<_> = held.keys().collect();
    live.insert(&holder);
    let place = |other: &Uuid| (Reverse(count(other)), *other);
    let ahead = live.iter().filter(|other| place(other) < place(&holder)).count();
    let each = partitions.checked_div(live.len()).unwrap_or(0);
    let left_over = partitions.checked_rem(live.len()).unwrap_or(0);
    each.saturating_add(usize::from(ahead < left_over))
}
