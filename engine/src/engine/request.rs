//! What clients ask of the engine, already checked field by field.

use std::sync::Arc;

use crate::idempotency::IdempotencyKey;
use crate::ids::PaymentId;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::CaptureMethod;

#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    pub merchant_id: MerchantId,
    pub key: IdempotencyKey,
    pub currency: Currency,
    pub amount: Amount,
    pub capture_method: CaptureMethod,
    pub payment_method_token: Option<Arc<str>>,
    pub reference: Option<Arc<str>>,
    /// A JSON object, its names sorted.
    pub metadata: Option<Arc<str>>,
    /// W3C trace context, stored with the events.
    pub traceparent: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct CaptureRequest {
    pub payment_id: PaymentId,
    /// Where given, another merchant's payment is not found.
    pub merchant_id: Option<MerchantId>,
    pub key: Option<IdempotencyKey>,
    /// `None` for all that is left.
    pub amount: Option<Amount>,
    pub is_final: bool,
    pub traceparent: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct VoidRequest {
    pub payment_id: PaymentId,
    pub merchant_id: Option<MerchantId>,
    pub key: Option<IdempotencyKey>,
    pub traceparent: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct RefundRequest {
    pub payment_id: PaymentId,
    pub merchant_id: Option<MerchantId>,
    pub key: Option<IdempotencyKey>,
    /// `None` for all that is left.
    pub amount: Option<Amount>,
    pub reason: Option<Arc<str>>,
    pub traceparent: Option<Arc<str>>,
}

/// Gives back all that the payment holds.
#[derive(Clone, Debug)]
pub struct CancelRequest {
    pub payment_id: PaymentId,
    pub merchant_id: Option<MerchantId>,
    pub key: Option<IdempotencyKey>,
    /// Kept with the refund that it becomes; a void keeps none.
    pub reason: Option<Arc<str>>,
    pub traceparent: Option<Arc<str>>,
}

/// A request of which only the answer is wanted.
#[derive(Clone, Debug)]
pub enum DryRun {
    Authorize(AuthorizeRequest),
    Capture(CaptureRequest),
    Void(VoidRequest),
    Refund(RefundRequest),
    Cancel(CancelRequest),
}
