//! Giving positions to a batch: the rule that every store's appends share.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Append, MAX_EVENT_BYTES, StoreError};
use crate::ids::{EventId, Partition, PaymentId};

/// Numbers the events of one batch, in its order.
#[derive(Debug)]
pub(super) struct Numbering {
    partitions: u16,
    heads: BTreeMap<Partition, u64>,
    /// Versions that stand in the ledger or earlier in the batch: event and position.
    payments: HashMap<PaymentId, BTreeMap<u32, (EventId, u64)>>,
    /// Payments of which an append of this batch was a conflict: what follows was decided on it.
    conflicting: HashSet<PaymentId>,
}

/// Where an append goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// Its first event takes this position, the others follow.
    Next(u64),
    /// It stands there already; the position of its last event.
    There(u64),
    /// Another event holds a version of its, or a version before it is missing.
    Conflict,
}

impl Numbering {
    pub(super) fn new(partitions: u16, heads: BTreeMap<Partition, u64>) -> Self {
        Self { partitions, heads, payments: HashMap::new(), conflicting: HashSet::new() }
    }

    /// Tells of an event that the ledger holds. Before [`Numbering::place`] every version from the
    /// one before the payment's lowest in the batch must be told.
    pub(super) fn recall(
        &mut self,
        payment_id: PaymentId,
        version: u32,
        event_id: EventId,
        position: u64,
    ) {
        self.payments.entry(payment_id).or_default().insert(version, (event_id, position));
    }

    /// Gives the append the next positions without asking what the ledger holds; the first of them.
    pub(super) fn number(&mut self, append: &Append) -> u64 {
        let partition = append.payment_id.partition(self.partitions);
        let head = self.heads.entry(partition).or_default();
        let first = head.saturating_add(1);
        *head = head.saturating_add(append.events.len() as u64);
        first
    }

    pub(super) fn place(&mut self, append: &Append) -> Placement {
        let known = self.payments.entry(append.payment_id).or_default();
        if let Some(position) = standing(known, append) {
            return Placement::There(position);
        }
        let last = known.last_key_value().map_or(0, |(version, _)| *version);
        let follows = last.checked_add(1) == Some(append.first_version);
        if !follows || self.conflicting.contains(&append.payment_id) {
            self.conflicting.insert(append.payment_id);
            return Placement::Conflict;
        }
        let first = self.number(append);
        for (position, (version, event)) in (first..).zip(append.versions()) {
            self.recall(append.payment_id, version, event.event_id, position);
        }
        Placement::Next(first)
    }

    pub(super) fn into_heads(self) -> BTreeMap<Partition, u64> {
        self.heads
    }

    /// Every partition's head as it is now.
    pub(super) const fn heads(&self) -> &BTreeMap<Partition, u64> {
        &self.heads
    }
}

/// The position of the append's last event where all of them stand in `known`.
fn standing(known: &BTreeMap<u32, (EventId, u64)>, append: &Append) -> Option<u64> {
    let mut last = None;
    for (version, event) in append.versions() {
        let (event_id, position) = known.get(&version)?;
        if *event_id != event.event_id {
            return None;
        }
        last = Some(*position);
    }
    last
}

/// The position of the last event of an append whose first takes `first`.
pub(super) fn last_position(append: &Append, first: u64) -> u64 {
    first.saturating_add(append.events.len() as u64).saturating_sub(1)
}

/// An append without events, or with more versions than there are, has no place in any ledger.
pub(super) fn check(batch: &[Append]) -> Result<(), StoreError> {
    for append in batch {
        let last = u32::try_from(append.events.len())
            .ok()
            .and_then(|count| append.first_version.checked_add(count));
        if append.events.is_empty() || append.first_version == 0 || last.is_none() {
            return Err(StoreError::Refused(format!(
                "an append to payment {} has {} events from version {}: this is a defect of \
                 daybook, please report it",
                append.payment_id,
                append.events.len(),
                append.first_version
            )));
        }
        if let Some(event) = append.events.iter().find(|event| event.data.len() > MAX_EVENT_BYTES) {
            return Err(StoreError::Refused(format!(
                "a {} event of payment {} has {} bytes, and {MAX_EVENT_BYTES} is the most that \
                 every transport takes",
                event.event_type,
                append.payment_id,
                event.data.len()
            )));
        }
    }
    Ok(())
}
