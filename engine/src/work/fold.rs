//! The fold from events to work rows.

mod batch;

pub use batch::WorkBatch;

use std::time::Duration;

use super::schedule::{InquirySchedule, after};
use super::{ExpiryItem, WorkItem};
use crate::acquirer::AcquirerLimits;
use crate::clock::Timestamp;
use crate::ids::{OperationId, Partition, PaymentId};
use crate::ledger::Recorded;
use crate::payment::{Event, EventBody, Verb};

/// One change of the work rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkChange {
    /// An operation is open; nothing where it stands there already.
    Open(WorkItem),
    /// An operation's call had no definite answer: the attempt is counted, and it is due for inquiry as
    /// soon as nobody holds it.
    Inquire {
        partition: Partition,
        payment_id: PaymentId,
        operation_id: OperationId,
        due_at: Timestamp,
    },
    /// An operation has its outcome: item and claim go.
    Close { partition: Partition, payment_id: PaymentId, operation_id: OperationId },
    /// A payment will expire.
    Expiry(ExpiryItem),
    /// A capture or void ended: an expiry that it had refused is due again.
    RetryExpiry(ExpiryItem),
}

/// Folds one event at a time; a [`WorkBatch`] nets what many of them change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkFold {
    call: Duration,
    first_inquiry: Duration,
}

impl WorkFold {
    #[must_use]
    pub fn new(limits: &AcquirerLimits, schedule: &InquirySchedule) -> Self {
        Self { call: limits.call, first_inquiry: schedule.delay(0) }
    }

    /// What `event`, the decoded `recorded`, changes: at most two rows.
    pub fn fold(
        &self,
        recorded: &Recorded,
        event: &Event,
    ) -> impl Iterator<Item = WorkChange> + use<> {
        let at = event.header.at;
        let open = |verb, due_at| open(recorded, event, verb, due_at);
        let close = || close(recorded, event);
        let (first, second) = match &event.body {
            // Until then the process that accepted it may be calling the acquirer itself.
            EventBody::AuthorizationRequested(requested) => {
                (open(Verb::Authorize, after(requested.send_before, self.call)), None)
            }
            EventBody::CaptureRequested(_) => (open(Verb::Capture, at), None),
            EventBody::VoidRequested(_) => (open(Verb::Void, at), None),
            EventBody::RefundRequested(_) => (open(Verb::Refund, at), None),
            EventBody::ReversalRequested(_) => (open(Verb::Reverse, at), None),
            EventBody::Authorized(authorized) => {
                (close(), Some(WorkChange::Expiry(expiry(recorded, authorized.expires_at))))
            }
            EventBody::Captured(_)
            | EventBody::CaptureFailed(_)
            | EventBody::Voided(_)
            | EventBody::VoidFailed(_) => {
                (close(), Some(WorkChange::RetryExpiry(expiry(recorded, at))))
            }
            EventBody::Declined(_)
            | EventBody::Refunded(_)
            | EventBody::RefundFailed(_)
            | EventBody::Reversed(_) => (close(), None),
            EventBody::OperationUnknown(_) => {
                (inquire(recorded, event, after(at, self.first_inquiry)), None)
            }
            EventBody::Expired(_) | EventBody::LateOutcome(_) => (None, None),
        };
        [first, second].into_iter().flatten()
    }
}

fn open(recorded: &Recorded, event: &Event, verb: Verb, due_at: Timestamp) -> Option<WorkChange> {
    let operation_id = event.header.operation_id?;
    Some(WorkChange::Open(WorkItem {
        partition: recorded.partition,
        payment_id: recorded.payment_id,
        operation_id,
        verb,
        version: recorded.version,
        due_at,
        attempts: 0,
        opened_at: event.header.at,
        flagged: false,
    }))
}

fn inquire(recorded: &Recorded, event: &Event, due_at: Timestamp) -> Option<WorkChange> {
    let operation_id = event.header.operation_id?;
    let Recorded { partition, payment_id, .. } = *recorded;
    Some(WorkChange::Inquire { partition, payment_id, operation_id, due_at })
}

fn close(recorded: &Recorded, event: &Event) -> Option<WorkChange> {
    let operation_id = event.header.operation_id?;
    let Recorded { partition, payment_id, .. } = *recorded;
    Some(WorkChange::Close { partition, payment_id, operation_id })
}

const fn expiry(recorded: &Recorded, due_at: Timestamp) -> ExpiryItem {
    ExpiryItem { partition: recorded.partition, payment_id: recorded.payment_id, due_at }
}

#[cfg(test)]
mod tests;
