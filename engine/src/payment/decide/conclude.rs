//! Recording what the acquirer made of an operation, in time or late.

use std::sync::Arc;

use super::super::command::{Conclude, Decision, Outcome};
use super::super::event::{
    Authorized, CaptureFailed, CaptureRequested, Captured, Declined, EventBody, LateOutcome,
    LateOutcomeKind, RefundFailed, Refunded, ReversalRequested, Reversed, VoidFailed, Voided,
};
use super::super::operation::{AcquirerReference, CaptureMethod, Operation, OperationStatus, Verb};
use super::super::{Payment, Rejection};
use crate::clock::Timestamp;
use crate::journal::{JournalEntry, fee};
use crate::money::Amount;

impl Payment {
    pub(super) fn decide_conclude(
        &self,
        command: &Conclude,
        at: Timestamp,
    ) -> Result<Decision, Rejection> {
        let operation = self.operation(command.operation_id).ok_or(Rejection::UnknownOperation)?;
        if !operation.is_open() {
            return Ok(self.decide_late(operation, command, at));
        }
        let id = Some(operation.id);
        Ok(match self.outcome_of(operation, command, at) {
            Some(EventBody::Authorized(authorized))
                if self.capture_method == CaptureMethod::Automatic =>
            {
                let sale =
                    CaptureRequested { amount: authorized.amount, r#final: false, request: None };
                Decision::Append(vec![
                    self.event(at, id, authorized),
                    self.event(at, Some(command.next_operation_id), sale),
                ])
            }
            Some(outcome) => self.append(at, id, outcome),
            None => Decision::Nothing,
        })
    }

    /// The outcome event of an open operation; `None` where it must be asked for again.
    fn outcome_of(
        &self,
        operation: &Operation,
        command: &Conclude,
        at: Timestamp,
    ) -> Option<EventBody> {
        let (acquirer, code, approved) = match &command.outcome {
            Outcome::Approved { amount, acquirer } => {
                (acquirer.clone(), None, approved_amount(operation, *amount))
            }
            Outcome::Declined { code, acquirer } | Outcome::Failed { code, acquirer } => {
                (refused(acquirer, code), Some(code.clone()), Amount::ZERO)
            }
        };
        let amount = if approved.is_zero() { operation.amount } else { approved };
        Some(match (operation.verb, code.is_none() && !approved.is_zero()) {
            (Verb::Authorize, true) => {
                let expires_at = at.plus_millis(command.terms.expires_after_ms);
                Authorized { amount, acquirer, expires_at }.into()
            }
            (Verb::Authorize, false) => {
                let decline_code = code.unwrap_or_else(|| "NOTHING_APPROVED".into());
                Declined { decline_code, acquirer }.into()
            }
            (Verb::Capture, true) => {
                let booking = Booking::of_capture(amount, command, at);
                Captured {
                    amount,
                    acquirer,
                    fee_bps: command.terms.fee_bps,
                    fee: booking.fee,
                    journal: booking.journal,
                    settlement_date: booking.settlement_date,
                }
                .into()
            }
            (Verb::Capture, false) => CaptureFailed { amount, acquirer }.into(),
            (Verb::Refund, true) => {
                let booking = Booking::of_refund(amount, command, at);
                Refunded {
                    amount,
                    acquirer,
                    journal: booking.journal,
                    settlement_date: booking.settlement_date,
                }
                .into()
            }
            (Verb::Refund, false) => RefundFailed { amount, acquirer }.into(),
            (Verb::Void, true) => Voided { amount: operation.amount, acquirer }.into(),
            (Verb::Void, false) => VoidFailed { amount: operation.amount, acquirer }.into(),
            (Verb::Reverse, true) => {
                let reverses = self.authorization()?.id;
                Reversed { amount: operation.amount, reverses, acquirer }.into()
            }
            (Verb::Reverse, false) => return None,
        })
    }

    /// An outcome for an operation that has one: a repeat is nothing, a contradiction is recorded.
    fn decide_late(&self, operation: &Operation, command: &Conclude, at: Timestamp) -> Decision {
        let (kind, acquirer, amount) = match &command.outcome {
            Outcome::Approved { amount, acquirer } => {
                let amount = approved_amount(operation, *amount);
                (LateOutcomeKind::Approved, acquirer.clone(), amount)
            }
            Outcome::Declined { code, acquirer } => {
                (LateOutcomeKind::Declined, refused(acquirer, code), operation.amount)
            }
            Outcome::Failed { code, acquirer } => {
                (LateOutcomeKind::Failed, refused(acquirer, code), operation.amount)
            }
        };
        let was_approved = operation.status == OperationStatus::Succeeded;
        let is_approved = kind == LateOutcomeKind::Approved;
        // Declined and failed are one contradiction: taking turns they would fill the ledger.
        let said_late = operation.late.map(|late| late == LateOutcomeKind::Approved);
        let is_repeat = was_approved == is_approved || said_late == Some(is_approved);
        if is_repeat || amount.is_zero() {
            return Decision::Nothing;
        }
        let booking = match (operation.verb, is_approved) {
            (Verb::Capture, true) => Some(Booking::of_capture(amount, command, at)),
            (Verb::Refund, true) => Some(Booking::of_refund(amount, command, at)),
            _ => None,
        };
        let late = LateOutcome {
            verb: operation.verb,
            outcome: kind,
            amount,
            counted: is_approved && self.has_room_for(operation.verb, amount),
            acquirer,
            fee_bps: command.terms.fee_bps,
            fee: booking.as_ref().map_or(Amount::ZERO, |booking| booking.fee),
            settlement_date: booking.as_ref().map(|booking| booking.settlement_date),
            journal: booking.map_or_else(JournalEntry::default, |booking| booking.journal),
        };
        let mut events = vec![self.event(at, Some(operation.id), late)];
        if operation.verb == Verb::Authorize && is_approved {
            let reversal = ReversalRequested { amount, reverses: operation.id };
            events.push(self.event(at, Some(command.next_operation_id), reversal));
        }
        Decision::Append(events)
    }

    /// Whether a late success still fits the bounds, so that it counts like any other.
    fn has_room_for(&self, verb: Verb, amount: Amount) -> bool {
        match verb {
            Verb::Capture => {
                let taken = self.amount_captured().plus(self.amount_capture_pending());
                amount <= self.amount_authorized().less(taken)
            }
            Verb::Refund => amount <= self.amount_refundable(),
            Verb::Void => self.release.is_none() && !self.has_open(Verb::Capture),
            Verb::Authorize | Verb::Reverse => false,
        }
    }
}

/// What an approval comes to: never more than was asked, and a hold is released whole.
fn approved_amount(operation: &Operation, approved: Amount) -> Amount {
    match operation.verb {
        Verb::Void | Verb::Reverse => operation.amount,
        Verb::Authorize | Verb::Capture | Verb::Refund => approved.min(operation.amount),
    }
}

/// The acquirer's words of a refusal, its code among them.
fn refused(acquirer: &AcquirerReference, code: &Arc<str>) -> AcquirerReference {
    let response_code = acquirer.response_code.clone().or_else(|| Some(code.clone()));
    AcquirerReference { response_code, ..acquirer.clone() }
}

/// The money side of an outcome.
struct Booking {
    fee: Amount,
    journal: JournalEntry,
    settlement_date: crate::clock::Date,
}

impl Booking {
    fn of_capture(amount: Amount, command: &Conclude, at: Timestamp) -> Self {
        let fee = fee(amount, command.terms.fee_bps);
        Self {
            fee,
            journal: JournalEntry::capture(amount, fee),
            settlement_date: at.date(command.terms.settlement_offset_minutes),
        }
    }

    fn of_refund(amount: Amount, command: &Conclude, at: Timestamp) -> Self {
        Self {
            fee: Amount::ZERO,
            journal: JournalEntry::refund(amount),
            settlement_date: at.date(command.terms.settlement_offset_minutes),
        }
    }
}
