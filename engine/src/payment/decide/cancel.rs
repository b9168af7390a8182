//! Cancelling: giving back all that a payment holds, however far it has come.

use super::super::command::{Cancel, Decision, Refund, Void};
use super::super::event::{Event, RefundRequested, VoidRequested};
use super::super::operation::Verb;
use super::super::{Payment, Rejection, Release};
use crate::clock::Timestamp;
use crate::defects::{Defect, is_planted};
use crate::idempotency::Request;
use crate::ids::OperationId;
use crate::money::Amount;

impl Payment {
    /// One append, whatever it comes to: nothing can be captured between a refund and the void
    /// beside it.
    pub(super) fn decide_cancel(
        &self,
        command: &Cancel,
        at: Timestamp,
    ) -> Result<Decision, Rejection> {
        let Cancel { void, refund, void_beside } = command;
        self.check_merchant(refund.merchant_id.as_ref())?;
        if let Some(replay) = self.replay_cancel(void, refund)? {
            return Ok(replay);
        }
        self.check_authorized()?;
        self.check_void_settled()?;
        if self.has_open(Verb::Capture) {
            return Err(Rejection::CapturePending);
        }
        let (rest, captured) = (self.amount_capturable(), self.amount_refundable());
        let events = match (rest.is_zero(), captured.is_zero()) {
            (true, true) => return Err(self.nothing_to_cancel()),
            (false, true) => vec![self.void_of(rest, at, void.operation_id, void.request.clone())],
            (_, false) if rest.is_zero() || is_planted(Defect::CancelKeepsRest) => {
                vec![self.refund_of(captured, at, refund)]
            }
            (_, false) => {
                let request = Request { key: None, ..refund.request.clone() };
                vec![
                    self.refund_of(captured, at, refund),
                    self.void_of(rest, at, *void_beside, request),
                ]
            }
        };
        self.check_room_for(events.len())?;
        Ok(Decision::Append(events))
    }

    /// Whichever it became the first time.
    fn replay_cancel(&self, void: &Void, refund: &Refund) -> Result<Option<Decision>, Rejection> {
        let known = refund.request.key.as_ref().and_then(|key| self.operation_with_key(key));
        match known.map(|known| known.verb) {
            Some(Verb::Void) => self.replay(Verb::Void, &void.request),
            _ => self.replay(Verb::Refund, &refund.request),
        }
    }

    fn nothing_to_cancel(&self) -> Rejection {
        if self.has_open(Verb::Refund) {
            return Rejection::RefundPending;
        }
        match self.release {
            Some(Release::Voided) if self.amount_captured().is_zero() => Rejection::Voided,
            Some(Release::Expired) if self.amount_captured().is_zero() => self.expired(),
            _ => Rejection::NothingToRefund,
        }
    }

    fn void_of(&self, amount: Amount, at: Timestamp, id: OperationId, request: Request) -> Event {
        self.event(at, Some(id), VoidRequested { amount, request })
    }

    fn refund_of(&self, amount: Amount, at: Timestamp, refund: &Refund) -> Event {
        let (request, reason_hash) = (refund.request.clone(), refund.reason_hash);
        let body = RefundRequested { amount, request, reason_hash };
        self.event(at, Some(refund.operation_id), body)
    }
}
