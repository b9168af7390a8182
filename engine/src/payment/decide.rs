//! The rules: which events a command comes to, or why it is refused.

mod cancel;
mod conclude;

use super::command::{Authorize, Capture, Command, Decision, Refund, Void};
use super::event::{
    AuthorizationRequested, CaptureRequested, Event, EventBody, Expired, Header, OperationUnknown,
    RefundRequested, VoidRequested,
};
use super::operation::{OperationStatus, Verb};
use super::{MAX_OPERATIONS, Payment, Rejection, Release};
use crate::clock::Timestamp;
use crate::defects::{Defect, is_planted};
use crate::idempotency::Request;
use crate::ids::OperationId;
use crate::money::Amount;

impl Payment {
    /// The first event of a payment that does not exist yet.
    #[must_use]
    pub fn request(command: &Authorize, at: Timestamp) -> Event {
        let header = Header {
            at,
            merchant_id: command.merchant_id.clone(),
            currency: command.currency,
            operation_id: Some(command.operation_id),
        };
        let body = AuthorizationRequested {
            amount: command.amount,
            capture_method: command.capture_method,
            payment_method_token: command.payment_method_token.clone(),
            request: command.request.clone(),
            reference_hash: command.reference_hash,
            metadata_hash: command.metadata_hash,
            send_before: command.send_before,
        };
        Event { header, body: body.into() }
    }

    /// What `command` comes to at `at` (or at the payment's last event, where that is later).
    ///
    /// # Errors
    /// A [`Rejection`] where the payment's state forbids the command; nothing is to be recorded.
    pub fn decide(&self, command: &Command, at: Timestamp) -> Result<Decision, Rejection> {
        let at = at.max(self.updated_at);
        match command {
            Command::Authorize(authorize) => self.decide_authorize(authorize),
            Command::Capture(capture) => self.decide_capture(capture, at),
            Command::Void(void) => self.decide_void(void, at),
            Command::Refund(refund) => self.decide_refund(refund, at),
            Command::Cancel(cancel) => self.decide_cancel(cancel, at),
            Command::Conclude(conclude) => self.decide_conclude(conclude, at),
            Command::Resolve(conclude) => {
                let id = conclude.operation_id;
                let operation = self.operation(id).ok_or(Rejection::UnknownOperation)?;
                match operation.is_open() {
                    true => self.decide_conclude(conclude, at),
                    false => Ok(Decision::Nothing),
                }
            }
            Command::MarkUnknown { operation_id, cause } => {
                let operation = self.operation(*operation_id).ok_or(Rejection::UnknownOperation)?;
                if operation.status != OperationStatus::Pending {
                    return Ok(Decision::Nothing);
                }
                Ok(self.append(
                    at,
                    Some(*operation_id),
                    OperationUnknown { verb: operation.verb, cause: cause.clone() },
                ))
            }
            Command::Expire => self.decide_expire(at),
        }
    }

    fn decide_authorize(&self, command: &Authorize) -> Result<Decision, Rejection> {
        // Two requests whose ids collide must not share a payment, however unlikely that is.
        if self.merchant_id != command.merchant_id {
            return Err(Rejection::KeyReused);
        }
        self.replay(Verb::Authorize, &command.request)?.ok_or(Rejection::KeyReused)
    }

    fn decide_capture(&self, command: &Capture, at: Timestamp) -> Result<Decision, Rejection> {
        self.check_merchant(command.merchant_id.as_ref())?;
        if let Some(replay) = self.replay(Verb::Capture, &command.request)? {
            return Ok(replay);
        }
        check_key_given(command.amount, &command.request)?;
        self.check_authorized()?;
        self.check_void_settled()?;
        self.check_not_released(at)?;
        let capturable = self.amount_capturable();
        if capturable.is_zero() {
            return Err(if self.has_open(Verb::Capture) {
                Rejection::CapturePending
            } else {
                Rejection::NothingToCapture
            });
        }
        let amount = command.amount.unwrap_or(capturable);
        if amount > capturable && !is_planted(Defect::CaptureBoundDropped) {
            return Err(Rejection::CaptureExceedsAuthorized { requested: amount, capturable });
        }
        self.check_room()?;
        Ok(self.append(
            at,
            Some(command.operation_id),
            CaptureRequested {
                amount,
                r#final: command.is_final,
                request: Some(command.request.clone()),
            },
        ))
    }

    fn decide_void(&self, command: &Void, at: Timestamp) -> Result<Decision, Rejection> {
        self.check_merchant(command.merchant_id.as_ref())?;
        if let Some(replay) = self.replay(Verb::Void, &command.request)? {
            return Ok(replay);
        }
        self.check_authorized()?;
        self.check_void_settled()?;
        if self.has_open(Verb::Capture) {
            return Err(Rejection::CapturePending);
        }
        let amount = self.amount_capturable();
        match self.release {
            Some(Release::Voided) => return Err(Rejection::Voided),
            Some(Release::Expired) => return Err(self.expired()),
            _ if amount.is_zero() => return Err(Rejection::NothingToVoid),
            _ => self.check_room()?,
        }
        Ok(self.append(
            at,
            Some(command.operation_id),
            VoidRequested { amount, request: command.request.clone() },
        ))
    }

    fn decide_refund(&self, command: &Refund, at: Timestamp) -> Result<Decision, Rejection> {
        self.check_merchant(command.merchant_id.as_ref())?;
        if let Some(replay) = self.replay(Verb::Refund, &command.request)? {
            return Ok(replay);
        }
        check_key_given(command.amount, &command.request)?;
        self.check_authorized()?;
        let amount = self.refund_amount(command.amount)?;
        self.check_room()?;
        Ok(self.append(
            at,
            Some(command.operation_id),
            RefundRequested {
                amount,
                request: command.request.clone(),
                reason_hash: command.reason_hash,
            },
        ))
    }

    /// The amount to refund: while a capture is pending, only what is captured already and named.
    fn refund_amount(&self, asked: Option<Amount>) -> Result<Amount, Rejection> {
        let refundable = self.amount_refundable();
        match asked {
            Some(amount) if amount <= refundable => Ok(amount),
            Some(amount) if is_planted(Defect::RefundBoundDropped) => Ok(amount),
            _ if self.has_open(Verb::Capture) => Err(Rejection::CapturePending),
            _ if refundable.is_zero() && self.has_open(Verb::Refund) => {
                Err(Rejection::RefundPending)
            }
            _ if refundable.is_zero() => Err(Rejection::NothingToRefund),
            Some(requested) => Err(Rejection::RefundExceedsCaptured { requested, refundable }),
            None => Ok(refundable),
        }
    }

    fn decide_expire(&self, at: Timestamp) -> Result<Decision, Rejection> {
        let amount = self.amount_authorized().less(self.amount_captured());
        let Some(expires_at) = self.expires_at.filter(|expires_at| *expires_at <= at) else {
            return Ok(Decision::Nothing);
        };
        if self.release.is_some() || amount.is_zero() {
            return Ok(Decision::Nothing);
        }
        self.check_void_settled()?;
        if self.has_open(Verb::Capture) {
            return Err(Rejection::CapturePending);
        }
        Ok(self.append(at, None, Expired { amount, expires_at }))
    }

    /// The operation this request already began; refused where its key began another one.
    fn replay(&self, verb: Verb, request: &Request) -> Result<Option<Decision>, Rejection> {
        let known = request.key.as_ref().and_then(|key| self.operation_with_key(key));
        let Some(known) = known.filter(|_| !is_planted(Defect::KeyForgotten)) else {
            return Ok(None);
        };
        let is_same = known.verb == verb
            && known.request.as_ref().map(|r| r.fingerprint) == Some(request.fingerprint);
        if is_same { Ok(Some(Decision::Replay(known.id))) } else { Err(Rejection::KeyReused) }
    }

    fn check_merchant(
        &self,
        merchant_id: Option<&crate::merchant::MerchantId>,
    ) -> Result<(), Rejection> {
        match merchant_id {
            Some(asking) if *asking != self.merchant_id => Err(Rejection::NotFound),
            _ => Ok(()),
        }
    }

    fn check_authorized(&self) -> Result<(), Rejection> {
        match self.authorization().map_or(OperationStatus::Pending, |first| first.status) {
            OperationStatus::Succeeded => Ok(()),
            OperationStatus::Failed => Err(Rejection::Declined),
            OperationStatus::Pending | OperationStatus::Unknown => {
                Err(Rejection::AuthorizationPending)
            }
        }
    }

    fn check_void_settled(&self) -> Result<(), Rejection> {
        if self.has_open(Verb::Void) { Err(Rejection::VoidPending) } else { Ok(()) }
    }

    fn check_not_released(&self, at: Timestamp) -> Result<(), Rejection> {
        match self.release {
            Some(Release::Voided) => Err(Rejection::Voided),
            Some(Release::Expired) => Err(self.expired()),
            _ if self.expires_at.is_some_and(|expires_at| expires_at <= at) => Err(self.expired()),
            _ => Ok(()),
        }
    }

    fn check_room(&self) -> Result<(), Rejection> {
        self.check_room_for(1)
    }

    fn check_room_for(&self, operations: usize) -> Result<(), Rejection> {
        if self.operations.len().saturating_add(operations) <= MAX_OPERATIONS {
            Ok(())
        } else {
            Err(Rejection::TooManyOperations)
        }
    }

    fn expired(&self) -> Rejection {
        Rejection::Expired { at: self.expires_at.unwrap_or(self.updated_at) }
    }

    fn append(
        &self,
        at: Timestamp,
        operation_id: Option<OperationId>,
        body: impl Into<EventBody>,
    ) -> Decision {
        Decision::Append(vec![self.event(at, operation_id, body)])
    }

    fn event(
        &self,
        at: Timestamp,
        operation_id: Option<OperationId>,
        body: impl Into<EventBody>,
    ) -> Event {
        let header = Header {
            at,
            merchant_id: self.merchant_id.clone(),
            currency: self.currency,
            operation_id,
        };
        Event { header, body: body.into() }
    }
}

fn check_key_given(amount: Option<Amount>, request: &Request) -> Result<(), Rejection> {
    if amount.is_some() && request.key.is_none() { Err(Rejection::KeyRequired) } else { Ok(()) }
}
