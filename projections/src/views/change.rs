//! What an event does to an operation, read the way the payment's own fold reads it.

use daybook_engine::idempotency::Request;
use daybook_engine::ids::OperationId;
use daybook_engine::money::Amount;
use daybook_engine::payment::{
    AcquirerReference, Event, EventBody, LateOutcomeKind, OperationStatus, Verb,
};

pub(super) struct Change<'a> {
    pub(super) operation_id: OperationId,
    pub(super) verb: Verb,
    pub(super) kind: ChangeKind<'a>,
}

pub(super) enum ChangeKind<'a> {
    Begun { amount: Amount, request: Option<&'a Request> },
    Unknown,
    Ended(Ended<'a>),
    Contradicted { late: LateOutcomeKind, counted: Option<Ended<'a>> },
}

pub(super) struct Ended<'a> {
    pub(super) status: OperationStatus,
    pub(super) settled: Amount,
    pub(super) acquirer: &'a AcquirerReference,
}

impl<'a> Ended<'a> {
    const fn succeeded(settled: Amount, acquirer: &'a AcquirerReference) -> ChangeKind<'a> {
        ChangeKind::Ended(Self { status: OperationStatus::Succeeded, settled, acquirer })
    }

    const fn failed(acquirer: &'a AcquirerReference) -> ChangeKind<'a> {
        let settled = Amount::ZERO;
        ChangeKind::Ended(Self { status: OperationStatus::Failed, settled, acquirer })
    }
}

impl<'a> Change<'a> {
    /// `None` where the event is about no operation.
    pub(super) fn of(event: &'a Event) -> Result<Option<Self>, &'static str> {
        let Some((verb, kind)) = read(&event.body) else { return Ok(None) };
        let operation_id =
            event.header.operation_id.ok_or("it is about an operation and names none")?;
        Ok(Some(Self { operation_id, verb, kind }))
    }
}

fn read(body: &EventBody) -> Option<(Verb, ChangeKind<'_>)> {
    use ChangeKind::{Begun, Contradicted, Unknown};
    Some(match body {
        EventBody::AuthorizationRequested(e) => {
            (Verb::Authorize, Begun { amount: e.amount, request: Some(&e.request) })
        }
        EventBody::Authorized(e) => (Verb::Authorize, Ended::succeeded(e.amount, &e.acquirer)),
        EventBody::Declined(e) => (Verb::Authorize, Ended::failed(&e.acquirer)),
        EventBody::CaptureRequested(e) => {
            (Verb::Capture, Begun { amount: e.amount, request: e.request.as_ref() })
        }
        EventBody::Captured(e) => (Verb::Capture, Ended::succeeded(e.amount, &e.acquirer)),
        EventBody::CaptureFailed(e) => (Verb::Capture, Ended::failed(&e.acquirer)),
        EventBody::VoidRequested(e) => {
            (Verb::Void, Begun { amount: e.amount, request: Some(&e.request) })
        }
        EventBody::Voided(e) => (Verb::Void, Ended::succeeded(e.amount, &e.acquirer)),
        EventBody::VoidFailed(e) => (Verb::Void, Ended::failed(&e.acquirer)),
        EventBody::RefundRequested(e) => {
            (Verb::Refund, Begun { amount: e.amount, request: Some(&e.request) })
        }
        EventBody::Refunded(e) => (Verb::Refund, Ended::succeeded(e.amount, &e.acquirer)),
        EventBody::RefundFailed(e) => (Verb::Refund, Ended::failed(&e.acquirer)),
        EventBody::ReversalRequested(e) => {
            (Verb::Reverse, Begun { amount: e.amount, request: None })
        }
        EventBody::Reversed(e) => (Verb::Reverse, Ended::succeeded(e.amount, &e.acquirer)),
        EventBody::OperationUnknown(e) => (e.verb, Unknown),
        EventBody::LateOutcome(e) => {
            let succeeded = OperationStatus::Succeeded;
            let ended = Ended { status: succeeded, settled: e.amount, acquirer: &e.acquirer };
            (e.verb, Contradicted { late: e.outcome, counted: e.counted.then_some(ended) })
        }
        EventBody::Expired(_) => return None,
    })
}
