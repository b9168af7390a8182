//! Folding an event in: no rule is decided here, so that history always reads the same.

use super::event::{Event, EventBody, LateOutcome};
use super::operation::{AcquirerReference, Operation, OperationStatus, Verb};
use super::{Payment, Release};
use crate::clock::Timestamp;
use crate::idempotency::Request;
use crate::ids::OperationId;
use crate::money::Amount;

/// How an operation ended.
struct Ended<'a> {
    status: OperationStatus,
    settled: Amount,
    fee: Amount,
    acquirer: &'a AcquirerReference,
}

impl Payment {
    /// The payment after `event`.
    #[must_use]
    pub fn evolve(mut self, event: &Event) -> Self {
        self.version = self.version.saturating_add(1);
        self.updated_at = self.updated_at.max(event.header.at);
        if let Some(id) = event.header.operation_id {
            self.evolve_operation(id, event);
        }
        match &event.body {
            EventBody::Authorized(authorized) => self.expires_at = Some(authorized.expires_at),
            EventBody::Declined(declined) => {
                self.decline_code = Some(declined.decline_code.clone());
            }
            EventBody::Voided(_) => self.release = Some(Release::Voided),
            EventBody::Expired(_) => self.release = Some(Release::Expired),
            EventBody::Captured(_) => {
                let is_final = event
                    .header
                    .operation_id
                    .and_then(|id| self.operation(id))
                    .is_some_and(|capture| capture.is_final);
                if is_final {
                    self.release = Some(Release::FinalCapture);
                }
            }
            _ => {}
        }
        self
    }

    fn evolve_operation(&mut self, id: OperationId, event: &Event) {
        let at = event.header.at;
        match &event.body {
            EventBody::CaptureRequested(e) => {
                let capture = self.begin(id, Verb::Capture, e.amount, at, e.request.clone());
                capture.is_final = e.r#final;
            }
            EventBody::VoidRequested(e) => {
                self.begin(id, Verb::Void, e.amount, at, Some(e.request.clone()));
            }
            EventBody::RefundRequested(e) => {
                let refund = self.begin(id, Verb::Refund, e.amount, at, Some(e.request.clone()));
                refund.reason_hash = e.reason_hash;
            }
            EventBody::ReversalRequested(e) => {
                self.begin(id, Verb::Reverse, e.amount, at, None);
            }
            EventBody::OperationUnknown(_) => {
                if let Some(operation) = self.open_operation(id) {
                    operation.status = OperationStatus::Unknown;
                    operation.unknown_at = Some(at);
                }
            }
            EventBody::LateOutcome(e) => self.contradict(id, e, at),
            _ => self.conclude(id, event),
        }
    }

    fn conclude(&mut self, id: OperationId, event: &Event) {
        let succeeded = |settled, fee, acquirer| Ended {
            status: OperationStatus::Succeeded,
            settled,
            fee,
            acquirer,
        };
        let failed = |acquirer| Ended {
            status: OperationStatus::Failed,
            settled: Amount::ZERO,
            fee: Amount::ZERO,
            acquirer,
        };
        let ended = match &event.body {
            EventBody::Authorized(e) => succeeded(e.amount, Amount::ZERO, &e.acquirer),
            EventBody::Captured(e) => succeeded(e.amount, e.fee, &e.acquirer),
            EventBody::Refunded(e) => succeeded(e.amount, Amount::ZERO, &e.acquirer),
            EventBody::Voided(e) => succeeded(e.amount, Amount::ZERO, &e.acquirer),
            EventBody::Reversed(e) => succeeded(e.amount, Amount::ZERO, &e.acquirer),
            EventBody::Declined(e) => failed(&e.acquirer),
            EventBody::CaptureFailed(e) => failed(&e.acquirer),
            EventBody::VoidFailed(e) => failed(&e.acquirer),
            EventBody::RefundFailed(e) => failed(&e.acquirer),
            _ => return,
        };
        let version = self.version;
        if let Some(operation) = self.open_operation(id) {
            operation.status = ended.status;
            operation.settled = ended.settled;
            operation.fee = ended.fee;
            operation.acquirer = ended.acquirer.clone();
            operation.concluded = Some(version);
            operation.completed_at = Some(event.header.at);
        }
    }

    fn contradict(&mut self, id: OperationId, late: &LateOutcome, at: Timestamp) {
        let Some(operation) = self.operations.iter_mut().find(|known| known.id == id) else {
            return;
        };
        operation.late = Some(late.outcome);
        if late.counted {
            operation.status = OperationStatus::Succeeded;
            operation.settled = late.amount;
            operation.fee = late.fee;
            operation.acquirer = late.acquirer.clone();
            operation.completed_at = Some(at);
            match operation.verb {
                Verb::Void => self.release = Some(Release::Voided),
                Verb::Capture if operation.is_final && self.release.is_none() => {
                    self.release = Some(Release::FinalCapture);
                }
                _ => {}
            }
        }
    }

    fn begin(
        &mut self,
        id: OperationId,
        verb: Verb,
        amount: Amount,
        at: Timestamp,
        request: Option<Request>,
    ) -> &mut Operation {
        let operation = Operation::new(id, verb, amount, self.version, at);
        self.operations.push_mut(Operation { request, ..operation })
    }

    fn open_operation(&mut self, id: OperationId) -> Option<&mut Operation> {
        self.operations.iter_mut().find(|operation| operation.id == id && operation.is_open())
    }
}
