//! Histories as sentences: `authorize 1000; authorized; capture 400 key=a; captured`.
//!
//! | step | what happens |
//! |---|---|
//! | `authorize N`, `sale N` | the payment is requested, captured manually or automatically |
//! | `capture [N] [final]`, `void`, `refund [N]`, `cancel` | asked with a key of its own; `key=K`, `no-key`, `merchant=M` |
//! | `authorized [N]`, `captured [N]`, `voided [N]`, `refunded [N]`, `reversed [N]` | the oldest open operation of that verb is approved |
//! | `VERB declined`, `VERB failed`, `VERB unknown` | it ends otherwise, or stays unknown |
//! | `late OUTCOME` | the same for the newest operation of that verb that has an outcome |
//! | `wait N`, `back N` | the clock moves N milliseconds forth or back |
//! | `expire` | the expiry timer fires |

use crate::clock::Timestamp;
use crate::idempotency::{IdempotencyKey, Request};
use crate::ids::OperationId;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::{
    AcquirerReference, Asked, Authorize, Cancel, Capture, CaptureMethod, Command, Conclude,
    Decision, Event, Operation, Outcome, Payment, REPRESENTATION, Refund, Rejection, Terms, Verb,
    Void, fingerprint,
};

/// 2026-11-23T09:15:00.000Z, when every history begins.
pub(super) const START_MS: i64 = 1_795_425_300_000;
/// How long an authorization holds, in these tests.
pub(super) const EXPIRES_AFTER_MS: i64 = 1_000_000;

pub(super) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub(super) fn operation_id(number: usize) -> OperationId {
    OperationId::from_uuid(uuid::Uuid::from_u128(u128::try_from(number).unwrap()))
}

pub(super) fn merchant(id: &str) -> MerchantId {
    MerchantId::parse(id).unwrap()
}

/// A payment and how it came to be.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) events: Vec<Event>,
    terms: Terms,
    payment: Option<Payment>,
    now: i64,
    steps: usize,
}

/// The payment after these steps; panics where one is refused or comes to nothing.
pub(super) fn after(steps: &str) -> History {
    let terms =
        Terms { fee_bps: 290, expires_after_ms: EXPIRES_AFTER_MS, settlement_offset_minutes: 0 };
    let start = History { events: Vec::new(), terms, payment: None, now: START_MS, steps: 0 };
    start.then(steps)
}

impl History {
    pub(super) fn payment(&self) -> &Payment {
        self.payment.as_ref().expect("the history begins with `authorize` or `sale`")
    }

    /// The same, with outcomes recorded under other terms from now on.
    pub(super) fn under(mut self, fee_bps: u16, settlement_offset_minutes: i32) -> Self {
        self.terms = Terms { fee_bps, settlement_offset_minutes, ..self.terms };
        self
    }

    /// Goes on; panics where a step is refused or comes to nothing.
    pub(super) fn then(mut self, steps: &str) -> Self {
        for step in steps.split(';').map(str::trim).filter(|step| !step.is_empty()) {
            self.take(step).unwrap_or_else(|why| panic!("`{step}` of `{steps}`: {why}"));
        }
        self
    }

    fn take(&mut self, step: &str) -> Result<(), String> {
        let words: Vec<_> = step.split_whitespace().collect();
        match words.as_slice() {
            ["wait", millis] => self.now += number(millis),
            ["back", millis] => self.now -= number(millis),
            ["authorize", rest @ ..] if self.payment.is_none() => {
                self.request(CaptureMethod::Manual, rest);
            }
            ["sale", rest @ ..] if self.payment.is_none() => {
                self.request(CaptureMethod::Automatic, rest);
            }
            _ => match self.decide(step) {
                Ok(Decision::Append(events)) => events.into_iter().for_each(|e| self.push(e)),
                other => return Err(format!("came to {other:?}")),
            },
        }
        self.steps += 1;
        Ok(())
    }

    fn request(&mut self, capture_method: CaptureMethod, words: &[&str]) {
        let command = self.authorize(capture_method, words);
        self.push(Payment::request(&command, self.at()));
    }

    fn push(&mut self, event: Event) {
        self.payment = match self.payment.take() {
            Some(payment) => Some(payment.evolve(&event)),
            None => Payment::begin_with(&event),
        };
        self.events.push(event);
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// What a step would come to, without taking it.
    pub(super) fn decide(&self, step: &str) -> Result<Decision, Rejection> {
        self.payment().decide(&self.command(step), self.at())
    }

    /// Why a step is refused.
    pub(super) fn refusal(&self, step: &str) -> Rejection {
        match self.decide(step) {
            Err(rejection) => rejection,
            Ok(decision) => panic!("`{step}` was not refused, it came to {decision:?}"),
        }
    }

    /// The events that a step comes to.
    pub(super) fn appended(&self, step: &str) -> Vec<Event> {
        match self.decide(step) {
            Ok(Decision::Append(events)) => events,
            other => panic!("`{step}` was to append, it came to {other:?}"),
        }
    }

    pub(super) fn command(&self, step: &str) -> Command {
        let words: Vec<_> = step.split_whitespace().collect();
        match words.as_slice() {
            [verb, verdict @ ("declined" | "failed" | "unknown")] => {
                self.outcome(Verb::parse(verb).unwrap(), verdict, None, false)
            }
            ["authorize", rest @ ..] => {
                Command::Authorize(self.authorize(CaptureMethod::Manual, rest))
            }
            ["capture", rest @ ..] => self.capture(rest),
            ["void", rest @ ..] => self.void(rest),
            ["refund", rest @ ..] => self.refund(rest),
            ["cancel", rest @ ..] => self.cancel(rest),
            ["expire"] => Command::Expire,
            ["late", verb, verdict @ ("declined" | "failed")] => {
                self.outcome(Verb::parse(verb).unwrap(), verdict, None, true)
            }
            ["late", past] => self.outcome(verb_of(past), "approved", None, true),
            ["late", past, sum] => self.outcome(verb_of(past), "approved", Some(sum), true),
            [past] => self.outcome(verb_of(past), "approved", None, false),
            [past, sum] => self.outcome(verb_of(past), "approved", Some(sum), false),
            _ => panic!("no such step: {step}"),
        }
    }

    fn authorize(&self, capture_method: CaptureMethod, words: &[&str]) -> Authorize {
        let named = Named::of(words);
        let merchant_id = named.merchant.unwrap_or_else(|| merchant("shop"));
        let sum = amount(number(words.first().expect("authorize names an amount")));
        let currency = Currency::parse("EUR").unwrap();
        let asked = Asked::Authorize {
            merchant_id: &merchant_id,
            currency,
            amount: sum,
            capture_method,
            payment_method_token: None,
        };
        Authorize {
            operation_id: self.next_id(),
            request: self.asked(&asked, named.key.or(Some("create"))),
            merchant_id: merchant_id.clone(),
            currency,
            amount: sum,
            capture_method,
            payment_method_token: None,
            reference_hash: None,
            metadata_hash: None,
            send_before: self.at().plus_millis(10_000),
        }
    }

    fn capture(&self, words: &[&str]) -> Command {
        let named = Named::of(words);
        let asked = Asked::Capture { amount: named.amount, is_final: named.is_final };
        Command::Capture(Capture {
            operation_id: self.next_id(),
            request: self.asked_with(&asked, &named),
            merchant_id: named.merchant,
            amount: named.amount,
            is_final: named.is_final,
        })
    }

    fn void(&self, words: &[&str]) -> Command {
        let named = Named::of(words);
        Command::Void(Void {
            operation_id: self.next_id(),
            request: self.asked_with(&Asked::Void, &named),
            merchant_id: named.merchant,
        })
    }

    fn refund(&self, words: &[&str]) -> Command {
        let named = Named::of(words);
        let asked = Asked::Refund { amount: named.amount };
        Command::Refund(Refund {
            operation_id: self.next_id(),
            request: self.asked_with(&asked, &named),
            merchant_id: named.merchant,
            amount: named.amount,
            reason_hash: None,
        })
    }

    fn cancel(&self, words: &[&str]) -> Command {
        let named = Named::of(words);
        let (operation_id, merchant_id) = (self.next_id(), named.merchant.clone());
        let request = self.asked_with(&Asked::Cancel, &named);
        Command::Cancel(Cancel {
            void: Void { operation_id, request: request.clone(), merchant_id: merchant_id.clone() },
            refund: Refund { operation_id, request, merchant_id, amount: None, reason_hash: None },
            void_beside: self.id_after_next(),
        })
    }

    fn outcome(&self, verb: Verb, verdict: &str, sum: Option<&str>, is_late: bool) -> Command {
        let mut of_verb = self.payment().operations.iter().filter(|o| o.verb == verb);
        let operation: &Operation = match is_late {
            true => of_verb.rfind(|o| !o.is_open()).expect("an operation with an outcome"),
            false => of_verb.find(|o| o.is_open()).expect("an open operation"),
        };
        let acquirer = AcquirerReference {
            transaction_id: Some("txn".into()),
            ..AcquirerReference::default()
        };
        let approved = sum.map_or(operation.amount, |sum| Amount::try_from(number(sum)).unwrap());
        let outcome = match verdict {
            "approved" => Outcome::Approved { amount: approved, acquirer },
            "declined" => Outcome::Declined { code: "DO_NOT_HONOUR".into(), acquirer },
            "failed" => Outcome::Failed { code: "FORMAT_ERROR".into(), acquirer },
            _ => {
                return Command::MarkUnknown {
                    operation_id: operation.id,
                    cause: "no answer in time".into(),
                };
            }
        };
        Command::Conclude(Conclude {
            operation_id: operation.id,
            outcome,
            next_operation_id: self.next_id(),
            terms: self.terms,
        })
    }

    /// The id of the operation that the next step begins.
    pub(super) fn next_id(&self) -> OperationId {
        operation_id(self.payment.as_ref().map_or(1, |payment| payment.operations.len() + 1))
    }

    /// The id of the second operation that the next step begins, where it begins two.
    fn id_after_next(&self) -> OperationId {
        operation_id(self.payment().operations.len() + 2)
    }

    fn asked_with(&self, asked: &Asked<'_>, named: &Named<'_>) -> Request {
        let own = format!("step-{}", self.steps);
        self.asked(asked, if named.is_keyless { None } else { named.key.or(Some(&own)) })
    }

    fn asked(&self, asked: &Asked<'_>, key: Option<&str>) -> Request {
        Request {
            key: key.map(|key| IdempotencyKey::parse(key).unwrap()),
            fingerprint: fingerprint(asked, &[]),
            representation: REPRESENTATION,
        }
    }
}

/// What the words after a verb name.
#[derive(Default)]
struct Named<'a> {
    amount: Option<Amount>,
    key: Option<&'a str>,
    merchant: Option<MerchantId>,
    is_final: bool,
    is_keyless: bool,
}

impl<'a> Named<'a> {
    fn of(words: &[&'a str]) -> Self {
        let mut named = Self::default();
        for word in words {
            match word.split_once('=') {
                Some(("key", key)) => named.key = Some(key),
                Some(("merchant", id)) => named.merchant = Some(merchant(id)),
                _ if *word == "final" => named.is_final = true,
                _ if *word == "no-key" => named.is_keyless = true,
                _ => named.amount = Some(amount(number(word))),
            }
        }
        named
    }
}

fn number(word: &str) -> i64 {
    word.parse().unwrap_or_else(|_| panic!("a number was expected, not {word:?}"))
}

fn verb_of(past: &str) -> Verb {
    match past {
        "authorized" => Verb::Authorize,
        "captured" => Verb::Capture,
        "voided" => Verb::Void,
        "refunded" => Verb::Refund,
        "reversed" => Verb::Reverse,
        _ => panic!("no such outcome: {past}"),
    }
}
