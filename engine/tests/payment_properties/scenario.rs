//! Random lives of a payment, and playing them.

use daybook_engine::clock::Timestamp;
use daybook_engine::idempotency::{IdempotencyKey, Request};
use daybook_engine::ids::OperationId;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{
    AcquirerReference, Asked, Authorize, Cancel, Capture, CaptureMethod, Command, Conclude,
    Decision, Event, Outcome, Payment, REPRESENTATION, Refund, Rejection, Terms, Void, fingerprint,
};
use proptest::prelude::*;

use crate::model::EXPIRES_AFTER_MS;

/// 2026-11-23T09:15:00.000Z.
const START_MS: i64 = 1_795_425_300_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Approved(i64),
    Declined,
    Failed,
}

/// One command; operations are named by their order (modulo how many there are), keys by number.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Authorize { amount: i64, key: u8 },
    Capture { amount: Option<i64>, is_final: bool, key: Option<u8>, is_other_merchant: bool },
    Void { key: Option<u8>, is_other_merchant: bool },
    Refund { amount: Option<i64>, key: Option<u8>, is_other_merchant: bool },
    Cancel { key: Option<u8>, is_other_merchant: bool },
    Conclude { operation: usize, said: Said },
    MarkUnknown { operation: usize },
    Expire,
}

impl Step {
    /// What is asked, without key and merchant.
    pub(crate) fn request(&self) -> (&'static str, Option<i64>, bool) {
        match self {
            Self::Authorize { amount, .. } => ("authorize", Some(*amount), false),
            Self::Capture { amount, is_final, .. } => ("capture", *amount, *is_final),
            Self::Void { .. } => ("void", None, false),
            Self::Refund { amount, .. } => ("refund", *amount, false),
            Self::Cancel { .. } => ("cancel", None, false),
            Self::Conclude { .. } | Self::MarkUnknown { .. } | Self::Expire => ("", None, false),
        }
    }

    pub(crate) fn key(&self) -> Option<u8> {
        match self {
            Self::Authorize { key, .. } => Some(*key),
            Self::Capture { key, .. }
            | Self::Void { key, .. }
            | Self::Refund { key, .. }
            | Self::Cancel { key, .. } => *key,
            Self::Conclude { .. } | Self::MarkUnknown { .. } | Self::Expire => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) amount: i64,
    pub(crate) is_sale: bool,
    pub(crate) key: u8,
    pub(crate) at: i64,
    pub(crate) fee_bps: u16,
    pub(crate) offset_minutes: i32,
    /// What the acquirer says beside the outcome.
    pub(crate) words: String,
    pub(crate) steps: Vec<(i64, Step)>,
}

/// Amounts in proportion to the payment's, so that bounds are often met exactly.
fn share(of: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => (1_i64..=7).prop_map(move |sixths| of.saturating_mul(sixths) / 6),
        2 => (-1_i64..=1).prop_map(move |more| of + more),
        1 => Just(1),
        1 => Just(Amount::MAX.minor()),
    ]
    .prop_map(|minor| minor.clamp(1, Amount::MAX.minor()))
}

fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => (0..EXPIRES_AFTER_MS).prop_map(|later| START_MS + later),
        4 => (-1_i64..=1).prop_map(|later| START_MS + EXPIRES_AFTER_MS + later),
        1 => any::<i64>(),
    ]
}

fn said(of: i64) -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => Just(Said::Approved(Amount::MAX.minor())),
        2 => share(of).prop_map(Said::Approved),
        1 => Just(Said::Approved(0)),
        1 => Just(Said::Declined),
        2 => Just(Said::Failed),
    ]
}

fn step(of: i64) -> impl Strategy<Value = Step> {
    let key = || prop::option::weighted(0.8, 0_u8..12);
    let amount = || prop::option::weighted(0.7, share(of));
    let other = || prop::bool::weighted(0.05);
    prop_oneof![
        1 => (share(of), 0_u8..12).prop_map(|(amount, key)| Step::Authorize { amount, key }),
        6 => (amount(), prop::bool::weighted(0.15), key(), other()).prop_map(
            |(amount, is_final, key, is_other_merchant)| {
                Step::Capture { amount, is_final, key, is_other_merchant }
            }
        ),
        1 => (key(), other())
            .prop_map(|(key, is_other_merchant)| Step::Void { key, is_other_merchant }),
        5 => (amount(), key(), other()).prop_map(|(amount, key, is_other_merchant)| {
            Step::Refund { amount, key, is_other_merchant }
        }),
        1 => (key(), other())
            .prop_map(|(key, is_other_merchant)| Step::Cancel { key, is_other_merchant }),
        9 => (0_usize..12, said(of))
            .prop_map(|(operation, said)| Step::Conclude { operation, said }),
        1 => (0_usize..12).prop_map(|operation| Step::MarkUnknown { operation }),
        1 => Just(Step::Expire),
    ]
}

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let amount = prop_oneof![
        Just(1_i64),
        Just(6),
        Just(1000),
        1_i64..=Amount::MAX.minor(),
        Just(Amount::MAX.minor())
    ];
    let words = prop::collection::vec(any::<char>(), 0..6);
    amount.prop_flat_map(move |amount| {
        let approval = prop_oneof![4 => Just(Said::Approved(amount)), 1 => said(amount)];
        let rest = prop::collection::vec((instant(), step(amount)), 0..60);
        let terms = (0_u16..=10_000, -1440_i32..=1440, words.clone());
        (any::<bool>(), 0_u8..12, instant(), terms, approval, rest).prop_map(
            move |(is_sale, key, at, (fee_bps, offset_minutes, words), said, rest)| {
                let first = (START_MS, Step::Conclude { operation: 0, said });
                Scenario {
                    amount,
                    is_sale,
                    key,
                    at,
                    fee_bps,
                    offset_minutes,
                    words: words.into_iter().collect(),
                    steps: std::iter::once(first).chain(rest).collect(),
                }
            },
        )
    })
}

/// A step that was taken: what it came to, and the payment afterwards.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) step: Step,
    pub(crate) at: i64,
    pub(crate) decision: Result<Decision, Rejection>,
    pub(crate) payment: Payment,
}

#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) requested: Payment,
    pub(crate) taken: Vec<Taken>,
    pub(crate) events: Vec<Event>,
}

impl Life {
    pub(crate) fn payments(&self) -> impl Iterator<Item = &Payment> {
        std::iter::once(&self.requested).chain(self.taken.iter().map(|taken| &taken.payment))
    }
}

impl Scenario {
    pub(crate) fn play(&self) -> Life {
        let first = Payment::request(&self.authorize(self.amount, self.key), instant_of(self.at));
        let mut payment = Payment::begin_with(&first).unwrap();
        let mut life = Life { requested: payment.clone(), taken: Vec::new(), events: vec![first] };
        for (at, step) in &self.steps {
            let decision = payment.decide(&self.command(&payment, step), instant_of(*at));
            if let Ok(Decision::Append(events)) = &decision {
                payment = events.iter().fold(payment, Payment::evolve);
                life.events.extend(events.iter().cloned());
            }
            let (step, payment) = (step.clone(), payment.clone());
            life.taken.push(Taken { step, at: *at, decision, payment });
        }
        life
    }

    pub(crate) fn command(&self, payment: &Payment, step: &Step) -> Command {
        let operation_id = operation_id(payment.operations.len());
        match *step {
            Step::Authorize { amount, key } => Command::Authorize(self.authorize(amount, key)),
            Step::Capture { amount, is_final, key, is_other_merchant } => {
                let amount = amount.map(money);
                Command::Capture(Capture {
                    operation_id,
                    request: request(&Asked::Capture { amount, is_final }, key),
                    merchant_id: is_other_merchant.then(|| merchant("other")),
                    amount,
                    is_final,
                })
            }
            Step::Void { key, is_other_merchant } => Command::Void(Void {
                operation_id,
                request: request(&Asked::Void, key),
                merchant_id: is_other_merchant.then(|| merchant("other")),
            }),
            Step::Refund { amount, key, is_other_merchant } => {
                let amount = amount.map(money);
                Command::Refund(Refund {
                    operation_id,
                    request: request(&Asked::Refund { amount }, key),
                    merchant_id: is_other_merchant.then(|| merchant("other")),
                    amount,
                    reason_hash: None,
                })
            }
            Step::Cancel { key, is_other_merchant } => {
                let merchant_id = is_other_merchant.then(|| merchant("other"));
                let request = request(&Asked::Cancel, key);
                Command::Cancel(Cancel {
                    void: Void {
                        operation_id,
                        request: request.clone(),
                        merchant_id: merchant_id.clone(),
                    },
                    refund: Refund {
                        operation_id,
                        request,
                        merchant_id,
                        amount: None,
                        reason_hash: None,
                    },
                    void_beside: self::operation_id(payment.operations.len() + 1),
                })
            }
            Step::Conclude { operation, said } => Command::Conclude(Conclude {
                operation_id: payment.operations[operation % payment.operations.len()].id,
                outcome: self.outcome(said),
                next_operation_id: operation_id,
                terms: Terms {
                    fee_bps: self.fee_bps,
                    expires_after_ms: EXPIRES_AFTER_MS,
                    settlement_offset_minutes: self.offset_minutes,
                },
            }),
            Step::MarkUnknown { operation } => Command::MarkUnknown {
                operation_id: payment.operations[operation % payment.operations.len()].id,
                cause: self.words.as_str().into(),
            },
            Step::Expire => Command::Expire,
        }
    }

    fn authorize(&self, amount: i64, key: u8) -> Authorize {
        let (merchant_id, currency) = (merchant("shop"), Currency::parse("JPY").unwrap());
        let capture_method =
            if self.is_sale { CaptureMethod::Automatic } else { CaptureMethod::Manual };
        let asked = Asked::Authorize {
            merchant_id: &merchant_id,
            currency,
            amount: money(amount),
            capture_method,
            payment_method_token: None,
        };
        Authorize {
            operation_id: operation_id(0),
            request: request(&asked, Some(key)),
            merchant_id: merchant_id.clone(),
            currency,
            amount: money(amount),
            capture_method,
            payment_method_token: None,
            reference_hash: None,
            metadata_hash: None,
            send_before: instant_of(self.at),
        }
    }

    fn outcome(&self, said: Said) -> Outcome {
        let acquirer = AcquirerReference {
            response_message: Some(self.words.as_str().into()),
            ..AcquirerReference::default()
        };
        let code = self.words.as_str().into();
        match said {
            Said::Approved(minor) => {
                Outcome::Approved { amount: Amount::try_from(minor).unwrap(), acquirer }
            }
            Said::Declined => Outcome::Declined { code, acquirer },
            Said::Failed => Outcome::Failed { code, acquirer },
        }
    }
}

fn request(asked: &Asked<'_>, key: Option<u8>) -> Request {
    // Printable ASCII only, quotes and backslashes among it.
    let key = key.map(|key| IdempotencyKey::parse(&format!("\"key\\ ~{key}")).unwrap());
    Request { key, fingerprint: fingerprint(asked, &[]), representation: REPRESENTATION }
}

fn operation_id(number: usize) -> OperationId {
    OperationId::from_uuid(uuid::Uuid::from_u128(u128::try_from(number).unwrap()))
}

fn merchant(id: &str) -> MerchantId {
    MerchantId::parse(id).unwrap()
}

fn money(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn instant_of(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
