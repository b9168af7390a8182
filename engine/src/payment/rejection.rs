//! Refusals: the command was understood, and the payment's state forbids it.

use crate::clock::Timestamp;
use crate::money::Amount;

/// Why a payment refuses a command. Nothing was recorded, so it is decided again when repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("no such payment")]
    NotFound,
    #[error("this idempotency key was used for another request: choose a new key")]
    KeyReused,
    #[error("a request that names an amount needs an idempotency key")]
    KeyRequired,
    #[error("the authorization has no outcome yet: try again later")]
    AuthorizationPending,
    #[error("the payment was declined")]
    Declined,
    #[error("the payment was voided")]
    Voided,
    #[error("the authorization expired at {at}")]
    Expired { at: Timestamp },
    #[error("a capture is pending: try again when it has an outcome")]
    CapturePending,
    #[error("a void is pending: try again when it has an outcome")]
    VoidPending,
    #[error("a refund of all that is left is pending: try again when it has an outcome")]
    RefundPending,
    #[error("nothing is left to capture")]
    NothingToCapture,
    #[error("a capture of {requested} exceeds the {capturable} that can be captured")]
    CaptureExceedsAuthorized { requested: Amount, capturable: Amount },
    #[error("nothing is left to void")]
    NothingToVoid,
    #[error("nothing is left to refund")]
    NothingToRefund,
    #[error("a refund of {requested} exceeds the {refundable} that can be refunded")]
    RefundExceedsCaptured { requested: Amount, refundable: Amount },
    #[error("a payment takes at most {max} operations", max = super::MAX_OPERATIONS)]
    TooManyOperations,
    #[error("no such operation on this payment")]
    UnknownOperation,
}

impl Rejection {
    /// One of each, for tables and tests.
    pub const ALL: &[Self] = &[
        Self::NotFound,
        Self::KeyReused,
        Self::KeyRequired,
        Self::AuthorizationPending,
        Self::Declined,
        Self::Voided,
        Self::Expired { at: Timestamp::from_millis(0) },
        Self::CapturePending,
        Self::VoidPending,
        Self::RefundPending,
        Self::NothingToCapture,
        Self::CaptureExceedsAuthorized { requested: Amount::MAX, capturable: Amount::ZERO },
        Self::NothingToVoid,
        Self::NothingToRefund,
        Self::RefundExceedsCaptured { requested: Amount::MAX, refundable: Amount::ZERO },
        Self::TooManyOperations,
        Self::UnknownOperation,
    ];

    /// The stable code of the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "PAYMENT_NOT_FOUND",
            Self::KeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::KeyRequired => "IDEMPOTENCY_KEY_REQUIRED",
            Self::AuthorizationPending => "AUTHORIZATION_PENDING",
            Self::Declined => "PAYMENT_DECLINED",
            Self::Voided => "PAYMENT_VOIDED",
            Self::Expired { .. } => "PAYMENT_EXPIRED",
            Self::CapturePending => "CAPTURE_PENDING",
            Self::VoidPending => "VOID_PENDING",
            Self::RefundPending => "REFUND_PENDING",
            Self::NothingToCapture => "NOTHING_TO_CAPTURE",
            Self::CaptureExceedsAuthorized { .. } => "CAPTURE_EXCEEDS_AUTHORIZED",
            Self::NothingToVoid => "NOTHING_TO_VOID",
            Self::NothingToRefund => "NOTHING_TO_REFUND",
            Self::RefundExceedsCaptured { .. } => "REFUND_EXCEEDS_CAPTURED",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::UnknownOperation => "OPERATION_NOT_FOUND",
        }
    }

    /// Whether waiting may help: an open operation stands in the way.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::AuthorizationPending
                | Self::CapturePending
                | Self::VoidPending
                | Self::RefundPending
        )
    }
}
