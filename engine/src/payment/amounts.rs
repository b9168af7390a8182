//! The sums over a payment's operations.

use super::Payment;
use super::operation::{Operation, OperationStatus, Verb};
use crate::idempotency::IdempotencyKey;
use crate::ids::OperationId;
use crate::money::Amount;

impl Payment {
    /// Approved by the acquirer: the bound of everything later; zero before that.
    #[must_use]
    pub fn amount_authorized(&self) -> Amount {
        self.settled(Verb::Authorize)
    }

    #[must_use]
    pub fn amount_captured(&self) -> Amount {
        self.settled(Verb::Capture)
    }

    #[must_use]
    pub fn amount_refunded(&self) -> Amount {
        self.settled(Verb::Refund)
    }

    #[must_use]
    pub fn amount_capture_pending(&self) -> Amount {
        self.pending(Verb::Capture)
    }

    #[must_use]
    pub fn amount_refund_pending(&self) -> Amount {
        self.pending(Verb::Refund)
    }

    /// What a capture may still ask for.
    #[must_use]
    pub fn amount_capturable(&self) -> Amount {
        let closing = |operation: &Operation| {
            operation.is_open()
                && (operation.verb == Verb::Void
                    || operation.verb == Verb::Capture && operation.is_final)
        };
        if self.release.is_some() || self.operations.iter().any(closing) {
            return Amount::ZERO;
        }
        self.amount_authorized().less(self.amount_captured()).less(self.amount_capture_pending())
    }

    /// What a refund may still ask for.
    #[must_use]
    pub fn amount_refundable(&self) -> Amount {
        self.amount_captured().less(self.amount_refunded()).less(self.amount_refund_pending())
    }

    /// Given back to the cardholder by a void, a final capture or expiry.
    #[must_use]
    pub fn amount_voided(&self) -> Amount {
        match self.release {
            Some(_) => self.amount_authorized().less(self.amount_captured()),
            None => Amount::ZERO,
        }
    }

    #[must_use]
    pub fn authorization(&self) -> Option<&Operation> {
        self.operations.first()
    }

    #[must_use]
    pub fn operation(&self, id: OperationId) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    #[must_use]
    pub fn operation_with_key(&self, key: &IdempotencyKey) -> Option<&Operation> {
        self.operations.iter().find(|operation| {
            operation.request.as_ref().and_then(|request| request.key.as_ref()) == Some(key)
        })
    }

    /// The operations without an outcome, in version order.
    pub fn open_operations(&self) -> impl DoubleEndedIterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.is_open())
    }

    #[must_use]
    pub fn has_open(&self, verb: Verb) -> bool {
        self.open_operations().any(|operation| operation.verb == verb)
    }

    #[must_use]
    pub fn is_declined(&self) -> bool {
        self.authorization().is_some_and(|first| first.status == OperationStatus::Failed)
    }

    fn settled(&self, verb: Verb) -> Amount {
        self.operations.iter().filter(|o| o.verb == verb).map(|o| o.settled).sum()
    }

    fn pending(&self, verb: Verb) -> Amount {
        self.open_operations().filter(|o| o.verb == verb).map(|o| o.amount).sum()
    }
}
