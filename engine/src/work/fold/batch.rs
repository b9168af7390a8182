//! Netting: an operation that was opened and closed within one batch needs no row at all, and
//! nearly every authorization is.

use std::collections::HashMap;

use super::WorkChange;
use crate::ids::{OperationId, PaymentId};

/// The changes of a batch of events: at most one for each operation and one for each expiry.
#[derive(Debug, Default)]
pub struct WorkBatch {
    changes: Vec<Option<WorkChange>>,
    operations: HashMap<OperationId, usize>,
    expiries: HashMap<PaymentId, usize>,
}

impl WorkBatch {
    /// Adds changes in the order of their events.
    pub fn add(&mut self, changes: impl IntoIterator<Item = WorkChange>) {
        for change in changes {
            self.add_one(change);
        }
    }

    /// What is left of them.
    #[must_use]
    pub fn into_changes(self) -> Vec<WorkChange> {
        self.changes.into_iter().flatten().collect()
    }

    fn add_one(&mut self, change: WorkChange) {
        let next = self.changes.len();
        let known = match change {
            WorkChange::Open(item) => self.operations.insert(item.operation_id, next),
            WorkChange::Inquire { operation_id, .. } | WorkChange::Close { operation_id, .. } => {
                self.operations.insert(operation_id, next)
            }
            WorkChange::Expiry(item) | WorkChange::RetryExpiry(item) => {
                self.expiries.insert(item.payment_id, next)
            }
        };
        let earlier = known.and_then(|place| self.changes.get_mut(place)).and_then(Option::take);
        self.changes.push(net(earlier, change));
    }
}

/// The one change that does what `earlier` and then `later` would do.
fn net(earlier: Option<WorkChange>, later: WorkChange) -> Option<WorkChange> {
    match (earlier, later) {
        (Some(WorkChange::Open(_)), WorkChange::Close { .. }) => None,
        (Some(WorkChange::Open(item)), WorkChange::Inquire { due_at, .. }) => {
            let attempts = item.attempts.saturating_add(1);
            Some(WorkChange::Open(super::WorkItem { due_at, attempts, ..item }))
        }
        // An expiry of this very batch can't have been refused before it.
        (Some(WorkChange::Expiry(item)), WorkChange::RetryExpiry(_)) => {
            Some(WorkChange::Expiry(item))
        }
        (_, later) => Some(later),
    }
}
