//! What clients want: requests, each the same however often it is sent.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::engine::{
    Answer, AuthorizeRequest, CancelRequest, CaptureRequest, DryRun, EngineError, RefundRequest,
    VoidRequest,
};
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::PaymentId;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::CaptureMethod;

use crate::dice::Dice;
use crate::oracle::Asked;
use crate::world::LEDGER;

/// What is asked of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Authorize { amount: i64, is_sale: bool, reference: Option<&'static str> },
    Capture { amount: Option<i64>, is_final: bool },
    Void,
    Refund { amount: Option<i64>, reason: Option<&'static str> },
    Cancel { reason: Option<&'static str> },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Which of the run's payments.
    pub(crate) payment: usize,
    pub(crate) key: Option<String>,
    pub(crate) want: Want,
}

impl Want {
    pub(crate) const fn verb(&self) -> &'static str {
        match self {
            Self::Authorize { .. } => "authorize",
            Self::Capture { .. } => "capture",
            Self::Void => "void",
            Self::Refund { .. } => "refund",
            Self::Cancel { .. } => "cancel",
        }
    }

    const fn amount(&self) -> Option<i64> {
        match self {
            Self::Authorize { amount, .. } => Some(*amount),
            Self::Capture { amount, .. } | Self::Refund { amount, .. } => *amount,
            Self::Void | Self::Cancel { .. } => None,
        }
    }
}

impl Wish {
    /// The request that creates a payment: its amount follows from its number.
    pub(crate) fn authorize(payment: usize, dice: &Dice) -> Self {
        let amount = 600 + 100 * i64::try_from(payment).unwrap_or(0);
        let reference = payment.is_multiple_of(2).then_some("order");
        let is_sale = payment % 3 == 2;
        // Seldom somebody asks for something else under the same key.
        let amount = if dice.chance(300) { amount + 1 } else { amount };
        let want = Want::Authorize { amount, is_sale, reference };
        Self { payment, key: Some(authorization_key(payment)), want }
    }

    /// Something of a payment that is there already, or soon.
    pub(crate) fn draw(payment: usize, dice: &Dice) -> Self {
        let part = i64::try_from(dice.between(20, 450)).unwrap_or(0);
        let amount = dice.chance(6_000).then_some(part);
        let reason = || dice.chance(3_000).then_some("broken");
        let want = match dice.between(0, 19) {
            0..10 => Want::Capture { amount, is_final: dice.chance(1_500) },
            10..12 => Want::Void,
            12..13 => Want::Cancel { reason: reason() },
            _ => Want::Refund { amount, reason: reason() },
        };
        // Few keys, so that some are used for two requests; a cancellation may meet what it would begin.
        let verb = match want {
            Want::Cancel { .. } if dice.chance(2_000) => "refund",
            Want::Cancel { .. } if dice.chance(2_000) => "void",
            _ => want.verb(),
        };
        let key = format!("{verb}-{}", dice.between(1, 25));
        let needs_key = want.amount().is_some();
        let key = (needs_key || dice.chance(3_500)).then_some(key);
        Self { payment, key, want }
    }

    pub(crate) fn payment_id(&self) -> PaymentId {
        PaymentId::derive(LEDGER, &merchant(self.payment), &key(&authorization_key(self.payment)))
    }

    pub(crate) fn asked(&self, trace: &str, is_dry_run: bool) -> Asked {
        Asked {
            is_dry_run,
            trace: trace.to_owned(),
            payment: self.payment_id().to_string(),
            verb: self.want.verb(),
            key: self.key.clone(),
            what: format!("{:?}", self.want),
            amount: self.want.amount(),
            is_final: matches!(self.want, Want::Capture { is_final: true, .. }),
        }
    }

    /// Sends it to a process.
    pub(crate) async fn send(
        &self,
        engine: &Engine,
        trace: &str,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        match self.request(trace) {
            DryRun::Authorize(request) => engine.authorize(request, wait).await,
            DryRun::Capture(request) => engine.capture(request, wait).await,
            DryRun::Void(request) => engine.void(request, wait).await,
            DryRun::Refund(request) => engine.refund(request, wait).await,
            DryRun::Cancel(request) => engine.cancel(request, wait).await,
        }
    }

    /// Asks a process what it would answer.
    pub(crate) async fn try_out(
        &self,
        engine: &Engine,
        trace: &str,
    ) -> Result<Answer, EngineError> {
        engine.dry_run(self.request(trace)).await
    }

    fn request(&self, trace: &str) -> DryRun {
        let (payment_id, traceparent) = (self.payment_id(), Some(Arc::from(trace)));
        let merchant_id = merchant(self.payment);
        let given_key = self.key.as_deref().map(key);
        match self.want {
            Want::Authorize { amount: minor, is_sale, reference } => {
                let method = if is_sale { CaptureMethod::Automatic } else { CaptureMethod::Manual };
                DryRun::Authorize(AuthorizeRequest {
                    merchant_id,
                    key: key(self.key.as_deref().unwrap_or_default()),
                    currency: Currency::parse("EUR").expect("EUR is a currency"),
                    amount: amount(minor),
                    capture_method: method,
                    payment_method_token: None,
                    reference: reference.map(Arc::from),
                    metadata: None,
                    traceparent,
                })
            }
            Want::Capture { amount: minor, is_final } => DryRun::Capture(CaptureRequest {
                payment_id,
                merchant_id: Some(merchant_id),
                key: given_key,
                amount: minor.map(amount),
                is_final,
                traceparent,
            }),
            Want::Void => DryRun::Void(VoidRequest {
                payment_id,
                merchant_id: None,
                key: given_key,
                traceparent,
            }),
            Want::Refund { amount: minor, reason } => DryRun::Refund(RefundRequest {
                payment_id,
                merchant_id: Some(merchant_id),
                key: given_key,
                amount: minor.map(amount),
                reason: reason.map(Arc::from),
                traceparent,
            }),
            Want::Cancel { reason } => DryRun::Cancel(CancelRequest {
                payment_id,
                merchant_id: Some(merchant_id),
                key: given_key,
                reason: reason.map(Arc::from),
                traceparent,
            }),
        }
    }
}

fn authorization_key(payment: usize) -> String {
    format!("order-{payment}")
}

fn merchant(payment: usize) -> MerchantId {
    MerchantId::parse(&format!("shop-{}", payment % 2)).expect("short and printable")
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("short and printable")
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("small and positive")
}
