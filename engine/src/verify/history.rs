//! The rules that a recorded event must keep, told from the payment before it.
//!
//! Written apart from `decide`, so that a mistake there does not excuse itself here.

use crate::journal::{JournalEntry, fee};
use crate::money::Amount;
use crate::payment::{Event, EventBody, Operation, OperationStatus, Payment, Verb};

/// What is wrong with `event`, coming after `payment`.
#[must_use]
pub fn check_event(payment: Option<&Payment>, event: &Event) -> Vec<String> {
    let after = payment.map(|payment| payment.clone().evolve(event));
    check_step(payment, event, after.as_ref())
}

/// As [`check_event`], where what it makes of the payment is known.
pub(super) fn check_step(
    payment: Option<&Payment>,
    event: &Event,
    after: Option<&Payment>,
) -> Vec<String> {
    let mut wrong = Wrong(Vec::new());
    wrong.check_journal(event);
    let Some(payment) = payment else {
        let is_request = matches!(event.body, EventBody::AuthorizationRequested(_));
        wrong.unless(is_request, || format!("a payment begins with {}", name(event)));
        wrong.unless(event.header.operation_id.is_some(), || "it names no operation".to_owned());
        return wrong.0;
    };
    wrong.check_header(payment, event);
    wrong.check_operation(payment, event);
    if let Some(after) = after {
        wrong.check_bounds(after);
    }
    wrong.0
}

struct Wrong(Vec<String>);

fn name(event: &Event) -> &'static str {
    event.event_type().as_str()
}

impl Wrong {
    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    fn check_header(&mut self, payment: &Payment, event: &Event) {
        let header = &event.header;
        self.unless(header.merchant_id == payment.merchant_id, || {
            format!("merchant {} in a payment of {}", header.merchant_id, payment.merchant_id)
        });
        self.unless(header.currency == payment.currency, || {
            format!("{} in a payment in {}", header.currency, payment.currency)
        });
        self.unless(header.at >= payment.updated_at, || {
            format!("it is dated {}, before the event it follows", header.at)
        });
    }

    fn check_journal(&mut self, event: &Event) {
        if let Some(journal) = event.journal() {
            let imbalance = journal.imbalance();
            self.unless(imbalance == 0, || {
                format!("debits and credits of the journal entry differ by {imbalance}")
            });
        }
        let expected = match &event.body {
            EventBody::Captured(e) => {
                let due = fee(e.amount, e.fee_bps);
                self.unless(e.fee == due, || format!("the fee is {}, and {due} is due", e.fee));
                Some((&e.journal, JournalEntry::capture(e.amount, e.fee)))
            }
            EventBody::Refunded(e) => Some((&e.journal, JournalEntry::refund(e.amount))),
            _ => None,
        };
        if let Some((found, expected)) = expected {
            self.unless(*found == expected, || {
                "the postings are not those of its amount and fee".to_owned()
            });
        }
    }

    fn check_operation(&mut self, payment: &Payment, event: &Event) {
        let operation = event.header.operation_id.and_then(|id| payment.operation(id));
        let (verb, amount) = match &event.body {
            EventBody::AuthorizationRequested(_) => {
                return self.0.push("the authorization was requested before".to_owned());
            }
            EventBody::CaptureRequested(e) => {
                return self.check_request(operation, e.amount, payment.amount_capturable());
            }
            EventBody::RefundRequested(e) => {
                return self.check_request(operation, e.amount, payment.amount_refundable());
            }
            EventBody::VoidRequested(e) => {
                return self.check_request(operation, e.amount, payment.amount_capturable());
            }
            EventBody::ReversalRequested(e) => {
                return self.check_request(operation, e.amount, payment.amount);
            }
            EventBody::Expired(e) => {
                let rest = payment.amount_authorized().less(payment.amount_captured());
                return self.unless(payment.release.is_none() && e.amount == rest, || {
                    format!("it expires {}, and {rest} was left", e.amount)
                });
            }
            EventBody::LateOutcome(_) => {
                let is_concluded = operation.is_some_and(|operation| !operation.is_open());
                return self.unless(is_concluded, || "its operation had no outcome".to_owned());
            }
            EventBody::OperationUnknown(e) => {
                let is_pending = operation.is_some_and(|operation| {
                    operation.status == OperationStatus::Pending && operation.verb == e.verb
                });
                return self.unless(is_pending, || "its operation was not pending".to_owned());
            }
            EventBody::Authorized(e) => (Verb::Authorize, Some(e.amount)),
            EventBody::Declined(_) => (Verb::Authorize, None),
            EventBody::Captured(e) => (Verb::Capture, Some(e.amount)),
            EventBody::CaptureFailed(_) => (Verb::Capture, None),
            EventBody::Voided(_) | EventBody::VoidFailed(_) => (Verb::Void, None),
            EventBody::Refunded(e) => (Verb::Refund, Some(e.amount)),
            EventBody::RefundFailed(_) => (Verb::Refund, None),
            EventBody::Reversed(_) => (Verb::Reverse, None),
        };
        self.check_outcome(operation, verb, amount);
    }

    fn check_request(&mut self, operation: Option<&Operation>, amount: Amount, bound: Amount) {
        self.unless(operation.is_none(), || "its operation was requested before".to_owned());
        self.unless(amount <= bound, || format!("it asks for {amount}, and {bound} was left"));
    }

    fn check_outcome(&mut self, operation: Option<&Operation>, verb: Verb, amount: Option<Amount>) {
        let Some(operation) = operation.filter(|o| o.is_open() && o.verb == verb) else {
            return self.0.push(format!("no {} was open for it", verb.as_str()));
        };
        if let Some(amount) = amount {
            self.unless(amount <= operation.amount, || {
                format!("{amount} is more than the {} that was requested", operation.amount)
            });
        }
    }

    fn check_bounds(&mut self, payment: &Payment) {
        let (authorized, captured) = (payment.amount_authorized(), payment.amount_captured());
        let taken = captured.plus(payment.amount_capture_pending());
        self.unless(taken <= authorized, || {
            format!("captured and pending are {taken}, of {authorized} authorized")
        });
        let returned = payment.amount_refunded().plus(payment.amount_refund_pending());
        self.unless(returned <= captured, || {
            format!("refunded and pending are {returned}, of {captured} captured")
        });
    }
}
