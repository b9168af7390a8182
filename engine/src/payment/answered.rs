//! What the answer to a request waits for, and up to where it shows the payment.

use super::Payment;
use super::operation::{Operation, Verb};

impl Payment {
    /// The version that every answer to the request which began `operation` shows: its outcome's,
    /// and that of what was begun with it. `None` while the answer has no outcome.
    #[must_use]
    pub fn answered_at(&self, operation: &Operation) -> Option<u32> {
        let concluded = operation.concluded?;
        match operation.verb {
            Verb::Authorize => {
                let next = concluded.saturating_add(1);
                Some(if self.begins_sale(next) { next } else { concluded })
            }
            Verb::Refund => match self.void_beside(operation) {
                Some(void) => void.concluded.map(|void| void.max(concluded)),
                None => Some(concluded),
            },
            Verb::Capture | Verb::Void | Verb::Reverse => Some(concluded),
        }
    }

    /// Whether a sale's capture was requested in one append with its authorization.
    fn begins_sale(&self, version: u32) -> bool {
        self.operations.iter().any(|capture| {
            capture.requested == version
                && capture.verb == Verb::Capture
                && capture.request.is_none()
        })
    }

    /// The void that a cancellation began in one append with its refund.
    fn void_beside(&self, refund: &Operation) -> Option<&Operation> {
        let next = refund.requested.saturating_add(1);
        let asked = refund.request.as_ref()?;
        self.operations.iter().find(|void| {
            let is_same = void.request.as_ref().is_some_and(|request| {
                request.key.is_none() && request.fingerprint == asked.fingerprint
            });
            void.requested == next && void.verb == Verb::Void && is_same
        })
    }
}
