//! A payment's representation, at every stage of several lives.

use daybook_engine::clock::Timestamp;
use daybook_engine::event_text::{EventText, TextName, hash_text};
use daybook_engine::idempotency::{Fingerprint, IdempotencyKey, Request};
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{
    AcquirerReference, Authorize, Cancel, Capture, CaptureMethod, Command, Conclude, Decision,
    Outcome, Payment, REPRESENTATION, Refund, Rendering, Terms, Verb, Void,
};
use uuid::Uuid;

use crate::file::{assert_golden, write_missing};

const NAME: &str = "representation.v1.json";
const SALT: [u8; 16] = [7; 16];

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn operation_id(number: usize) -> OperationId {
    OperationId::from_uuid(Uuid::from_u128(number as u128))
}

/// A payment, and its body after each of its events.
struct Life {
    payment: Payment,
    texts: Vec<EventText>,
    bodies: String,
}

impl Life {
    fn begin(capture_method: CaptureMethod, texts: &[(TextName, &str)]) -> Self {
        let hash =
            |name| texts.iter().find(|(of, _)| *of == name).map(|(_, t)| hash_text(&SALT, t));
        let command = Authorize {
            operation_id: operation_id(1),
            request: Self::request("order \"7\""),
            merchant_id: MerchantId::parse("shop \"1\"").unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            amount: amount(1000),
            capture_method,
            payment_method_token: Some("tok_visa".into()),
            reference_hash: hash(TextName::Reference),
            metadata_hash: hash(TextName::Metadata),
            send_before: Self::at(0).plus_millis(5_000),
        };
        let event = Payment::request(&command, Self::at(0));
        let mut life = Self {
            payment: Payment::begin_with(&event).unwrap(),
            texts: Vec::new(),
            bodies: String::new(),
        };
        for (name, text) in texts {
            life.keep(1, *name, text);
        }
        life.show();
        life
    }

    /// One second an event.
    fn at(version: u32) -> Timestamp {
        Timestamp::from_millis(1_795_425_300_042 + i64::from(version) * 1_000)
    }

    fn request(key: &str) -> Request {
        let key = Some(IdempotencyKey::parse(key).unwrap());
        Request {
            key,
            fingerprint: Fingerprint::from_bytes([0xab; 32]),
            representation: REPRESENTATION,
        }
    }

    fn keep(&mut self, version: u32, name: TextName, text: &str) {
        let (salt, text) = (Some(SALT), Some(text.into()));
        self.texts.push(EventText { version, name, salt, text });
    }

    fn show(&mut self) {
        let rendering = Rendering {
            payment_id: PaymentId::from_uuid(Uuid::from_u128(0x7f6d_8f0e_5a52_8c1e)),
            payment: &self.payment,
            partition: Partition::new(15),
            position: u64::from(self.payment.version) + 41,
            texts: &self.texts,
        };
        self.bodies += &serde_json::to_string(&rendering.body()).unwrap();
        self.bodies += "\n";
    }

    fn take(mut self, command: &Command) -> Self {
        let at = Self::at(self.payment.version);
        let Ok(Decision::Append(events)) = self.payment.decide(command, at) else {
            panic!("{command:?} comes to nothing");
        };
        for event in &events {
            self.payment = self.payment.evolve(event);
            self.show();
        }
        self
    }

    fn next(&self) -> (OperationId, Request) {
        let number = self.payment.operations.len() + 1;
        (operation_id(number), Self::request(&format!("key-{number}")))
    }

    fn capture(self, minor: i64, is_final: bool) -> Self {
        let (operation_id, request) = self.next();
        let (merchant_id, amount) = (None, Some(amount(minor)));
        let capture = Capture { operation_id, request, merchant_id, amount, is_final };
        self.take(&Command::Capture(capture))
    }

    fn void(self) -> Self {
        let (operation_id, request) = self.next();
        self.take(&Command::Void(Void { operation_id, request, merchant_id: None }))
    }

    fn refund(mut self, minor: i64, reason: &str) -> Self {
        let (operation_id, request) = self.next();
        self.keep(self.payment.version + 1, TextName::Reason, reason);
        let (merchant_id, amount) = (None, Some(amount(minor)));
        let reason_hash = Some(hash_text(&SALT, reason));
        let refund = Refund { operation_id, request, merchant_id, amount, reason_hash };
        self.take(&Command::Refund(refund))
    }

    fn cancel(self) -> Self {
        let (id, request) = self.next();
        let void = Void { operation_id: id, request: request.clone(), merchant_id: None };
        let (merchant_id, amount, reason_hash) = (None, None, None);
        let refund = Refund { operation_id: id, request, merchant_id, amount, reason_hash };
        let void_beside = operation_id(self.payment.operations.len() + 2);
        self.take(&Command::Cancel(Cancel { void, refund, void_beside }))
    }

    fn open(&self, verb: Verb) -> OperationId {
        self.payment.open_operations().find(|operation| operation.verb == verb).unwrap().id
    }

    fn conclude(self, verb: Verb, outcome: Outcome) -> Self {
        let next_operation_id = self.next().0;
        let terms =
            Terms { fee_bps: 290, expires_after_ms: 604_800_000, settlement_offset_minutes: 0 };
        let operation_id = self.open(verb);
        let conclude = Conclude { operation_id, outcome, next_operation_id, terms };
        self.take(&Command::Conclude(conclude))
    }

    fn approved(self, verb: Verb, minor: i64) -> Self {
        let acquirer = AcquirerReference {
            transaction_id: Some("txn-0001".into()),
            approval_code: Some("A1B2C3".into()),
            response_code: Some("00".into()),
            response_message: Some("Accept\u{e9}, \"ok\"\n\u{1f4b3}".into()),
        };
        self.conclude(verb, Outcome::Approved { amount: amount(minor), acquirer })
    }

    fn failed(self, verb: Verb) -> Self {
        let (code, acquirer) = ("INSUFFICIENT_FUNDS".into(), AcquirerReference::default());
        self.conclude(verb, Outcome::Failed { code, acquirer })
    }

    fn unknown(self, verb: Verb) -> Self {
        let operation_id = self.open(verb);
        self.take(&Command::MarkUnknown { operation_id, cause: "TIMEOUT".into() })
    }
}

fn bodies() -> String {
    let texts = [
        (TextName::Reference, "order \"7\" \u{6f22}"),
        (TextName::Metadata, r#"{"a":"1","z":"\u00e9"}"#),
    ];
    let lives = [
        Life::begin(CaptureMethod::Manual, &texts)
            .approved(Verb::Authorize, 1000)
            .capture(400, false)
            .unknown(Verb::Capture)
            .approved(Verb::Capture, 400)
            .refund(100, "torn")
            .failed(Verb::Refund)
            .refund(50, "late")
            .approved(Verb::Refund, 50)
            .cancel()
            .approved(Verb::Refund, 350)
            .approved(Verb::Void, 600),
        Life::begin(CaptureMethod::Automatic, &[])
            .approved(Verb::Authorize, 1000)
            .failed(Verb::Capture)
            .void()
            .failed(Verb::Void)
            .capture(700, true)
            .approved(Verb::Capture, 700)
            .cancel(),
        Life::begin(CaptureMethod::Manual, &texts[..1]).failed(Verb::Authorize),
        Life::begin(CaptureMethod::Manual, &[]).approved(Verb::Authorize, 600).cancel(),
    ];
    lives.into_iter().map(|life| life.bodies).collect()
}

#[test]
fn a_payment_looks_as_its_golden_file_says_after_every_event() {
    assert_golden(NAME, &bodies());
}

#[test]
#[ignore = "writes the golden files that are missing"]
fn write_missing_golden_files() {
    write_missing(NAME, &bodies());
}
