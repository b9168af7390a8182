//! The acquirer: the outside party that authorizes, captures and refunds cards.

pub mod breaker;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
pub mod desk;
pub mod http;
pub mod record;
pub mod simulator;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::ids::{OperationId, PaymentId};
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::{AcquirerReference, Outcome, Verb};

/// An operation as the acquirer is asked to execute it; the id is its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcquirerRequest {
    pub operation_id: OperationId,
    pub payment_id: PaymentId,
    pub merchant_id: MerchantId,
    pub verb: Verb,
    pub amount: Amount,
    pub currency: Currency,
    pub payment_method_token: Option<Arc<str>>,
    /// The acquirer's id of the authorization that this operation acts on, where there is one.
    pub authorization_id: Option<Arc<str>>,
}

/// The acquirer's answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    Concluded(Outcome),
    /// Sent, and no definite answer came; it may have been executed.
    Unknown {
        cause: Arc<str>,
    },
    /// Provably nothing was sent: it may be repeated at once.
    NotSent {
        cause: Arc<str>,
    },
}

/// The acquirer's answer to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InquiryAnswer {
    Concluded(Outcome),
    /// The acquirer never received it; counts only after its longest processing time.
    NotFound,
    /// Still being processed there.
    Pending,
    Unknown {
        cause: Arc<str>,
    },
}

/// An answer that came outside of any call: late, or twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub payment_id: PaymentId,
    pub operation_id: OperationId,
    pub outcome: Outcome,
}

/// How long the acquirer may take, and how long it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquirerLimits {
    /// How long one call or inquiry is waited for.
    pub call: Duration,
    /// How long after an intent is recorded, or a claim won, it may still be sent.
    pub send_window: Duration,
    /// The acquirer's longest processing time: "not found" counts only after it.
    pub processing: Duration,
    /// How long the acquirer remembers an idempotency key: an older operation is only inquired.
    pub key_lifetime: Duration,
}

/// The port.
#[async_trait]
pub trait Acquirer: Send + Sync + 'static {
    /// How long it is known to take no calls, or zero where only this moment is known; `None` while it
    /// takes them. Asked before an intent is written.
    fn unavailable_for(&self) -> Option<Duration> {
        None
    }

    /// Executes the operation, once however often it is called under one id. Nothing is sent at or
    /// after `send_before`, checked just before the bytes leave; answers within the call limit.
    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer;

    /// What became of the operation.
    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer;

    /// The next answer that came by itself; waits until there is one.
    async fn notice(&self) -> Notice;
}

/// The longest text of an acquirer's answer that is kept, in characters.
pub const MAX_REFERENCE_CHARS: usize = 256;

impl AcquirerReference {
    /// The same with every text cut to what an event may carry.
    #[must_use]
    pub fn bounded(self) -> Self {
        let cut = |text: Option<Arc<str>>| text.map(|text| bounded_text(&text));
        Self {
            transaction_id: cut(self.transaction_id),
            approval_code: cut(self.approval_code),
            response_code: cut(self.response_code),
            response_message: cut(self.response_message),
        }
    }
}

/// `text`, cut to [`MAX_REFERENCE_CHARS`] and without U+0000, which no text of Postgres holds.
#[must_use]
pub fn bounded_text(text: &str) -> Arc<str> {
    let kept = text.chars().filter(|known| *known != '\0').take(MAX_REFERENCE_CHARS);
    kept.collect::<String>().into()
}
