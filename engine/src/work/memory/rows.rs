//! The rows, without lock or clock.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::super::{Claim, ExpiryItem, WorkChange, WorkItem, refuses_expiry};
use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::ids::{OperationId, Partition, PaymentId};

pub(super) type PaymentKey = (Partition, PaymentId);

#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) cursors: BTreeMap<Partition, Cursor>,
    /// By payment and version.
    pub(super) items: BTreeMap<(PaymentKey, u32), WorkItem>,
    pub(super) claims: BTreeMap<PaymentKey, Held>,
    pub(super) expiries: BTreeSet<(Timestamp, Partition, PaymentId)>,
    pub(super) waiting: BTreeSet<PaymentKey>,
    claims_made: u128,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) operation_id: OperationId,
    pub(super) token: Uuid,
    pub(super) until: Timestamp,
}

impl Rows {
    /// All but how many claims were made: a token is never given twice.
    pub(super) fn forget(&mut self) {
        *self = Self { claims_made: self.claims_made, ..Self::default() };
    }

    pub(super) fn apply(&mut self, changes: &[WorkChange]) {
        let mut changes = changes.to_vec();
        changes.sort_by_key(kind);
        for change in changes {
            self.apply_one(change);
        }
    }

    fn apply_one(&mut self, change: WorkChange) {
        match change {
            WorkChange::Open(item) => {
                let key = ((item.partition, item.payment_id), item.version);
                self.items.entry(key).or_insert(item);
            }
            WorkChange::Inquire { partition, payment_id, operation_id, due_at } => {
                if let Some(item) = self.item((partition, payment_id), operation_id) {
                    item.due_at = due_at;
                    item.attempts = item.attempts.saturating_add(1);
                }
            }
            WorkChange::Close { partition, payment_id, operation_id } => {
                if let Some(item) = self.item((partition, payment_id), operation_id) {
                    let version = item.version;
                    self.items.remove(&((partition, payment_id), version));
                }
                self.end_claim((partition, payment_id), operation_id);
            }
            WorkChange::Expiry(item) => {
                self.expiries.insert((item.due_at, item.partition, item.payment_id));
            }
            WorkChange::RetryExpiry(item) => {
                if self.waiting.remove(&(item.partition, item.payment_id)) {
                    self.expiries.insert((item.due_at, item.partition, item.payment_id));
                }
            }
        }
    }

    pub(super) fn item(
        &mut self,
        payment: PaymentKey,
        operation_id: OperationId,
    ) -> Option<&mut WorkItem> {
        let mut items = self.items.range_mut((payment, 0)..=(payment, u32::MAX));
        items.find(|(_, item)| item.operation_id == operation_id).map(|(_, item)| item)
    }

    fn end_claim(&mut self, payment: PaymentKey, operation_id: OperationId) {
        if self.claims.get(&payment).is_some_and(|held| held.operation_id == operation_id) {
            self.claims.remove(&payment);
        }
    }

    /// Flags the payment's operations that were opened then or before.
    pub(super) fn flag(&mut self, payment: PaymentKey, since: Timestamp) {
        for item in self.items.range_mut((payment, 0)..=(payment, u32::MAX)).map(|(_, item)| item) {
            item.flagged |= item.opened_at <= since;
        }
    }

    /// Whether the claim was still held.
    pub(super) fn release(&mut self, claim: &Claim) -> bool {
        let payment = (claim.item.partition, claim.item.payment_id);
        let is_held = self.claims.get(&payment).is_some_and(|held| held.token == claim.token);
        if is_held {
            self.claims.remove(&payment);
        }
        is_held
    }

    pub(super) fn is_claimable(&self, item: &WorkItem, now: Timestamp) -> bool {
        let payment = (item.partition, item.payment_id);
        let mut earlier = self.items.range((payment, 0)..(payment, item.version));
        let is_held = self.claims.get(&payment).is_some_and(|held| held.until > now);
        item.due_at <= now && earlier.next().is_none() && !is_held
    }

    pub(super) fn claim(&mut self, item: WorkItem, until: Timestamp) -> Claim {
        self.claims_made = self.claims_made.saturating_add(1);
        let token = Uuid::from_u128(self.claims_made);
        let held = Held { operation_id: item.operation_id, token, until };
        self.claims.insert((item.partition, item.payment_id), held);
        Claim { item, token, until }
    }

    /// Whether an operation is open whose outcome will raise the payment's refused expiry again.
    pub(super) fn refuses_expiry(&self, payment: PaymentKey) -> bool {
        let mut items = self.items.range((payment, 0)..=(payment, u32::MAX));
        items.any(|(_, item)| refuses_expiry(item.verb))
    }
}

const fn kind(change: &WorkChange) -> u8 {
    match change {
        WorkChange::Open(_) => 0,
        WorkChange::Inquire { .. } => 1,
        WorkChange::Close { .. } => 2,
        WorkChange::Expiry(_) => 3,
        WorkChange::RetryExpiry(_) => 4,
    }
}

pub(super) const fn expiry_item(row: (Timestamp, Partition, PaymentId)) -> ExpiryItem {
    let (due_at, partition, payment_id) = row;
    ExpiryItem { partition, payment_id, due_at }
}
