//! The fold from events to work rows.

use super::{ExpiryItem, WorkItem};
use crate::clock::Timestamp;
use crate::ids::{OperationId, PaymentId};

/// One change of the work rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkChange {
    /// An operation is open; nothing where it stands there already.
    Open(WorkItem),
    /// An operation has its outcome: item and claim go.
    Close { payment_id: PaymentId, operation_id: OperationId },
    /// An operation's call had no definite answer: its claim goes, and it is due for inquiry.
    Inquire { payment_id: PaymentId, operation_id: OperationId, due_at: Timestamp },
    /// A payment will expire.
    Expiry(ExpiryItem),
    /// An operation ended: an expiry that it had refused is due again.
    RetryExpiry { payment_id: PaymentId, due_at: Timestamp },
}

/// Folds a batch of events.
#[derive(Debug, Default)]
pub struct WorkFold {}
