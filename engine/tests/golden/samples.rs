//! Sample events: of each type one with every nullable field filled, and one with each null.

use daybook_engine::clock::Timestamp;
use daybook_engine::idempotency::{Fingerprint, IdempotencyKey, Request, TextHash};
use daybook_engine::ids::OperationId;
use daybook_engine::journal::JournalEntry;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{
    AcquirerReference, AuthorizationRequested, Authorized, CaptureFailed, CaptureMethod,
    CaptureRequested, Captured, Declined, Event, EventBody, EventType, Expired, Header,
    LateOutcome, LateOutcomeKind, OperationUnknown, RefundFailed, RefundRequested, Refunded,
    ReversalRequested, Reversed, Verb, VoidFailed, VoidRequested, Voided,
};

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn operation(last: u8) -> OperationId {
    format!("0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a{last:02x}").parse().unwrap()
}

fn request() -> Request {
    Request {
        key: Some(IdempotencyKey::parse("order \"7\" \\ 1/2~").unwrap()),
        fingerprint: Fingerprint::from_bytes([0xab; 32]),
        representation: 1,
    }
}

fn request_without_key() -> Request {
    Request { key: None, fingerprint: Fingerprint::from_bytes([0x01; 32]), representation: 1 }
}

fn filled() -> AcquirerReference {
    AcquirerReference {
        transaction_id: Some("txn-0001".into()),
        approval_code: Some("A1B2C3".into()),
        response_code: Some("00".into()),
        response_message: Some("Accept\u{e9}, \"ok\"\n\u{1f4b3}".into()),
    }
}

fn empty() -> AcquirerReference {
    AcquirerReference::default()
}

fn event(operation_id: Option<OperationId>, body: impl Into<EventBody>) -> Event {
    let header = Header {
        at: at("2026-11-23T09:15:00.042Z"),
        merchant_id: MerchantId::parse("shop \"1\"").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        operation_id,
    };
    Event { header, body: body.into() }
}

fn some(body: impl Into<EventBody>) -> Event {
    event(Some(operation(2)), body)
}

/// The samples of one type, in the order of its golden file's lines.
pub(crate) fn of(event_type: EventType) -> Vec<Event> {
    match event_type {
        EventType::AuthorizationRequested => authorization_requested(),
        EventType::Authorized
        | EventType::Declined
        | EventType::CaptureFailed
        | EventType::Voided
        | EventType::VoidFailed
        | EventType::RefundFailed
        | EventType::Reversed => [filled(), empty()].map(|a| answered(event_type, a)).into(),
        EventType::CaptureRequested => capture_requested(),
        EventType::Captured => captured(),
        EventType::VoidRequested => [request(), request_without_key()]
            .map(|request| some(VoidRequested { amount: amount(600), request }))
            .into(),
        EventType::RefundRequested => refund_requested(),
        EventType::Refunded => [filled(), empty()].map(refunded).into(),
        EventType::Expired => {
            let expires_at = at("2026-11-30T09:15:00.000Z");
            vec![event(None, Expired { amount: amount(600), expires_at })]
        }
        EventType::OperationUnknown => Verb::ALL
            .map(|verb| some(OperationUnknown { verb, cause: "no answer in 3 s".into() }))
            .into(),
        EventType::LateOutcome => late_outcome(),
        EventType::ReversalRequested => {
            vec![some(ReversalRequested { amount: amount(1000), reverses: operation(1) })]
        }
    }
}

fn authorization_requested() -> Vec<Event> {
    let all = AuthorizationRequested {
        amount: Amount::MAX,
        capture_method: CaptureMethod::Automatic,
        payment_method_token: Some("tok_visa".into()),
        request: request(),
        reference_hash: Some(TextHash::from_bytes([0x0f; 32])),
        metadata_hash: Some(TextHash::from_bytes([0xf0; 32])),
        send_before: at("2026-11-23T09:15:10.042Z"),
    };
    let none = AuthorizationRequested {
        amount: amount(1),
        capture_method: CaptureMethod::Manual,
        payment_method_token: None,
        request: request_without_key(),
        reference_hash: None,
        metadata_hash: None,
        send_before: at("1970-01-01T00:00:00.000Z"),
    };
    [all, none].map(some).into()
}

/// The types whose only nullable fields are the acquirer's.
fn answered(event_type: EventType, acquirer: AcquirerReference) -> Event {
    let amount = amount(1000);
    some(match event_type {
        EventType::Authorized => EventBody::from(Authorized {
            amount,
            acquirer,
            expires_at: at("2026-11-30T09:15:00.042Z"),
        }),
        EventType::Declined => {
            Declined { decline_code: "INSUFFICIENT_FUNDS".into(), acquirer }.into()
        }
        EventType::CaptureFailed => CaptureFailed { amount, acquirer }.into(),
        EventType::Voided => Voided { amount, acquirer }.into(),
        EventType::VoidFailed => VoidFailed { amount, acquirer }.into(),
        EventType::RefundFailed => RefundFailed { amount, acquirer }.into(),
        EventType::Reversed => Reversed { amount, reverses: operation(1), acquirer }.into(),
        other => panic!("{other:?} has a sample of its own"),
    })
}

fn capture_requested() -> Vec<Event> {
    let of = |is_final, request| {
        some(CaptureRequested { amount: amount(400), r#final: is_final, request })
    };
    vec![of(true, Some(request())), of(false, Some(request_without_key())), of(false, None)]
}

fn captured() -> Vec<Event> {
    let of = |acquirer, fee_bps, fee, entry| {
        some(Captured {
            amount: amount(1000),
            acquirer,
            fee_bps,
            fee,
            journal: entry,
            settlement_date: "2026-11-24".parse().unwrap(),
        })
    };
    let with_fee = JournalEntry::capture(amount(1000), amount(29));
    let without = JournalEntry::capture(amount(1000), Amount::ZERO);
    let whole = JournalEntry::capture(amount(1000), amount(1000));
    vec![
        of(filled(), 290, amount(29), with_fee),
        of(empty(), 0, Amount::ZERO, without),
        of(empty(), 10_000, amount(1000), whole),
    ]
}

fn refund_requested() -> Vec<Event> {
    let reason_hash = Some(TextHash::from_bytes([0x77; 32]));
    let all = RefundRequested { amount: amount(250), request: request(), reason_hash };
    let none =
        RefundRequested { amount: amount(250), request: request_without_key(), reason_hash: None };
    [all, none].map(some).into()
}

fn refunded(acquirer: AcquirerReference) -> Event {
    some(Refunded {
        amount: amount(250),
        acquirer,
        journal: JournalEntry::refund(amount(250)),
        settlement_date: "2026-11-24".parse().unwrap(),
    })
}

fn late_outcome() -> Vec<Event> {
    let late = |verb, outcome, acquirer| LateOutcome {
        verb,
        outcome,
        amount: amount(1000),
        counted: false,
        acquirer,
        fee_bps: 290,
        fee: Amount::ZERO,
        journal: JournalEntry::default(),
        settlement_date: None,
    };
    let capture = LateOutcome {
        counted: true,
        fee: amount(29),
        journal: JournalEntry::capture(amount(1000), amount(29)),
        settlement_date: Some("2026-11-24".parse().unwrap()),
        ..late(Verb::Capture, LateOutcomeKind::Approved, filled())
    };
    vec![
        some(capture),
        some(late(Verb::Authorize, LateOutcomeKind::Approved, empty())),
        some(late(Verb::Void, LateOutcomeKind::Declined, empty())),
        some(late(Verb::Refund, LateOutcomeKind::Failed, empty())),
    ]
}
