//! The acquirer's wire: bodies of answers, of notices and, at the simulated acquirer, of operations.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::acquirer::MAX_REFERENCE_CHARS;
use crate::acquirer::wire::{AnswerBody, NoticesBody, OperationBody};
use crate::clock::Timestamp;
use crate::idempotency::{Fingerprint, Request};
use crate::ids::OperationId;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::{
    AcquirerReference, AuthorizationRequested, CaptureMethod, Command, Conclude, Decision, Event,
    EventBody, Header, Outcome, Payment, Terms, decode, encode,
};

/// # Panics
/// Where a body that is taken reads otherwise once it is written again, or its outcome can't be
/// recorded as an event within its bounds.
pub fn answer(input: &[u8]) {
    if let Some(answer) = taken::<AnswerBody>(input) {
        conclude(answer);
    }
    if let Some(NoticesBody { notices }) = taken(input) {
        for notice in notices {
            conclude(notice.answer);
        }
    }
    taken::<OperationBody>(input);
}

fn taken<T>(input: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let body: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_string(&body).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(again, body, "{written}");
    Some(body)
}

/// Records what the answer says of an authorization.
fn conclude(answer: AnswerBody) {
    let Some(outcome) = answer.outcome() else { return };
    check_texts(&outcome);
    let (payment, operation_id) = requested();
    let conclude = Conclude {
        operation_id,
        outcome,
        next_operation_id: OperationId::from_uuid(Uuid::from_u128(2)),
        terms: Terms { fee_bps: 290, expires_after_ms: i64::MAX, settlement_offset_minutes: 60 },
    };
    let decided = payment.decide(&Command::Conclude(conclude), payment.created_at);
    let Ok(Decision::Append(events)) = decided else { panic!("an outcome came to {decided:?}") };
    let authorized = events.iter().fold(payment.clone(), Payment::evolve).amount_authorized();
    assert!(authorized <= payment.amount, "{authorized} of {} is approved", payment.amount);
    for event in &events {
        let data = encode(event);
        assert_eq!(decode(event.event_type().as_str(), &data).as_ref(), Ok(event), "{data}");
        assert!(data.len() <= crate::ledger::MAX_EVENT_BYTES, "{} bytes", data.len());
    }
}

fn check_texts(outcome: &Outcome) {
    let (code, acquirer) = match outcome {
        Outcome::Approved { acquirer, .. } => (None, acquirer),
        Outcome::Declined { code, acquirer } | Outcome::Failed { code, acquirer } => {
            (Some(code), acquirer)
        }
    };
    let AcquirerReference { transaction_id, approval_code, response_code, response_message } =
        acquirer;
    let texts = [transaction_id, approval_code, response_code, response_message];
    for text in texts.into_iter().flatten().chain(code) {
        assert!(text.chars().count() <= MAX_REFERENCE_CHARS, "a text of {} bytes", text.len());
        assert!(!text.contains('\0'), "no table of Postgres holds {text:?}");
    }
}

fn requested() -> (Payment, OperationId) {
    let operation_id = OperationId::from_uuid(Uuid::from_u128(1));
    let at = Timestamp::from_millis(1_795_425_300_000);
    let event = Event {
        header: Header {
            at,
            merchant_id: MerchantId::parse("shop-1").expect("a merchant"),
            currency: Currency::parse("EUR").expect("a currency"),
            operation_id: Some(operation_id),
        },
        body: EventBody::AuthorizationRequested(AuthorizationRequested {
            amount: Amount::new(1_000).expect("an amount"),
            capture_method: CaptureMethod::Automatic,
            payment_method_token: None,
            request: Request {
                key: None,
                fingerprint: Fingerprint::from_bytes([0; 32]),
                representation: 1,
            },
            reference_hash: None,
            metadata_hash: None,
            send_before: at,
        }),
    };
    (Payment::begin_with(&event).expect("it is requested"), operation_id)
}
