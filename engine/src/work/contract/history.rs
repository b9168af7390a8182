//! A short ledger to fold: payments interleaved, ended in every way and left open in every way.

use std::collections::HashMap;
use std::sync::Arc;

use super::{P0, operation, payment};
use crate::clock::Timestamp;
use crate::idempotency::{Fingerprint, IdempotencyKey, Request};
use crate::ids::{EventId, OperationId};
use crate::journal::JournalEntry;
use crate::ledger::Recorded;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::*;

/// Events in order of position, in partition 0. They leave open a capture (of payment 3), a refund
/// without an answer (4), an authorization (5) and a reversal (6); three payments may expire.
#[must_use]
pub fn history(start: Timestamp) -> Vec<(Recorded, Event)> {
    use EventType::*;
    let events = [
        (1, 1, AuthorizationRequested),
        (2, 1, AuthorizationRequested),
        (1, 1, Authorized),
        (3, 1, AuthorizationRequested),
        (2, 1, Declined),
        (3, 1, Authorized),
        (3, 2, CaptureRequested),
        (1, 2, CaptureRequested),
        (4, 1, AuthorizationRequested),
        (6, 1, AuthorizationRequested),
        (1, 2, OperationUnknown),
        (4, 1, Authorized),
        (4, 2, CaptureRequested),
        (1, 2, CaptureFailed),
        (1, 3, VoidRequested),
        (4, 2, Captured),
        (4, 3, RefundRequested),
        (6, 1, OperationUnknown),
        (4, 3, OperationUnknown),
        (1, 3, Voided),
        (6, 1, Declined),
        (5, 1, AuthorizationRequested),
        (4, 4, RefundRequested),
        (4, 4, RefundFailed),
        (6, 1, LateOutcome),
        (6, 2, ReversalRequested),
    ];
    let mut versions = HashMap::new();
    let record = |(step, (number, operation, event_type))| {
        let version = versions.entry(number).or_insert(0);
        *version += 1;
        let at = start.plus_millis(1_000 * i64::from(step));
        let recorded = recorded(u64::from(step), number, *version, event_type, at);
        (recorded, sample(event_type, number * 1_000 + operation, at))
    };
    (1_u32..).zip(events).map(record).collect()
}

fn recorded(
    position: u64,
    number: u128,
    version: u32,
    event_type: EventType,
    recorded_at: Timestamp,
) -> Recorded {
    Recorded {
        partition: P0,
        position,
        payment_id: payment(number),
        version,
        event_id: EventId::from_uuid(uuid::Uuid::from_u128(0xe << 120 | u128::from(position))),
        event_type: Arc::from(event_type.as_str()),
        data: Arc::from("{}"),
        traceparent: None,
        recorded_at,
    }
}

/// An event of the type, about operation `number`; an authorization is sent within a second, and
/// expires after a day.
#[must_use]
pub fn sample(event_type: EventType, number: u128, at: Timestamp) -> Event {
    let header = Header {
        at,
        merchant_id: MerchantId::parse("M1").expect("a merchant id"),
        currency: Currency::parse("EUR").expect("a currency"),
        operation_id: (event_type != EventType::Expired).then(|| operation(number)),
    };
    Event { header, body: body(event_type, number, at) }
}

fn amount() -> Amount {
    Amount::new(1_000).expect("an amount")
}

fn body(event_type: EventType, number: u128, at: Timestamp) -> EventBody {
    let amount = amount();
    let key = IdempotencyKey::parse(&format!("key-{number}")).expect("a key");
    let fingerprint = Fingerprint::from_bytes([0; 32]);
    let request = Request { key: Some(key), fingerprint, representation: REPRESENTATION };
    let reverses = operation(number);
    match event_type {
        EventType::AuthorizationRequested => AuthorizationRequested {
            amount,
            capture_method: CaptureMethod::Manual,
            payment_method_token: None,
            request,
            reference_hash: None,
            metadata_hash: None,
            send_before: at.plus_millis(1_000),
        }
        .into(),
        EventType::CaptureRequested => {
            CaptureRequested { amount, r#final: false, request: Some(request) }.into()
        }
        EventType::VoidRequested => VoidRequested { amount, request }.into(),
        EventType::RefundRequested => RefundRequested { amount, request, reason_hash: None }.into(),
        EventType::ReversalRequested => ReversalRequested { amount, reverses }.into(),
        _ => outcome(event_type, reverses, at),
    }
}

fn outcome(event_type: EventType, reverses: OperationId, at: Timestamp) -> EventBody {
    let amount = amount();
    let acquirer = AcquirerReference::default();
    match event_type {
        EventType::Authorized => {
            Authorized { amount, acquirer, expires_at: at.plus_millis(86_400_000) }.into()
        }
        EventType::Declined => Declined { decline_code: "NO".into(), acquirer }.into(),
        EventType::Captured => Captured {
            amount,
            acquirer,
            fee_bps: 0,
            fee: Amount::ZERO,
            journal: JournalEntry::capture(amount, Amount::ZERO),
            settlement_date: at.date(0),
        }
        .into(),
        EventType::CaptureFailed => CaptureFailed { amount, acquirer }.into(),
        EventType::Voided => Voided { amount, acquirer }.into(),
        EventType::VoidFailed => VoidFailed { amount, acquirer }.into(),
        EventType::Refunded => Refunded {
            amount,
            acquirer,
            journal: JournalEntry::refund(amount),
            settlement_date: at.date(0),
        }
        .into(),
        EventType::RefundFailed => RefundFailed { amount, acquirer }.into(),
        EventType::Expired => Expired { amount, expires_at: at }.into(),
        EventType::OperationUnknown => {
            OperationUnknown { verb: Verb::Refund, cause: "timeout".into() }.into()
        }
        EventType::LateOutcome => LateOutcome {
            verb: Verb::Authorize,
            outcome: LateOutcomeKind::Approved,
            amount,
            counted: false,
            acquirer,
            fee_bps: 0,
            fee: Amount::ZERO,
            journal: JournalEntry::default(),
            settlement_date: None,
        }
        .into(),
        EventType::Reversed => Reversed { amount, reverses, acquirer }.into(),
        EventType::AuthorizationRequested
        | EventType::CaptureRequested
        | EventType::VoidRequested
        | EventType::RefundRequested
        | EventType::ReversalRequested => unreachable!("{event_type:?} is a request"),
    }
}
