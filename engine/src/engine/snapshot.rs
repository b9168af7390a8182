//! A payment folded from the ledger, and the answers made of it.

use std::sync::Arc;

use crate::event_text::EventText;
use crate::ids::{OperationId, Partition, PaymentId};
use crate::payment::{Operation, Payment, Rendering};

/// A payment's committed state and where its last event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub payment_id: PaymentId,
    pub partition: Partition,
    pub position: u64,
    pub payment: Payment,
}

/// A payment with its texts: all that its representation is made of.
#[derive(Clone, Debug)]
pub struct PaymentView {
    pub snapshot: Arc<Snapshot>,
    pub texts: Vec<EventText>,
}

impl PaymentView {
    #[must_use]
    pub fn rendering(&self) -> Rendering<'_> {
        Rendering {
            payment_id: self.snapshot.payment_id,
            payment: &self.snapshot.payment,
            partition: self.snapshot.partition,
            position: self.snapshot.position,
            texts: &self.texts,
        }
    }
}

/// What a money verb answers: the payment folded up to the operation's outcome, or as it stands
/// now while there is none.
#[derive(Clone, Debug)]
pub struct Answer {
    pub view: PaymentView,
    pub operation_id: OperationId,
    /// The request had been accepted before.
    pub is_replay: bool,
}

impl Answer {
    /// The operation that the request began; absent only from a damaged ledger.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.view.snapshot.payment.operation(self.operation_id)
    }

    /// Whether the outcome is known, that of a cancellation's void beside its refund included.
    #[must_use]
    pub fn is_concluded(&self) -> bool {
        let payment = &self.view.snapshot.payment;
        self.operation().is_some_and(|operation| payment.answered_at(operation).is_some())
    }
}
