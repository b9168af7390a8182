//! A payment's status: a pure function of its operations, first match wins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{OperationStatus, Verb};
use super::{Payment, Release};

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    Authorizing,
    Declined,
    VoidRequested,
    CaptureRequested,
    RefundRequested,
    CaptureFailed,
    RefundFailed,
    Refunded,
    PartiallyRefunded,
    PartiallyCaptured,
    Captured,
    Voided,
    Expired,
    Authorized,
}

impl PaymentStatus {
    pub const ALL: [Self; 14] = [
        Self::Authorizing,
        Self::Declined,
        Self::VoidRequested,
        Self::CaptureRequested,
        Self::RefundRequested,
        Self::CaptureFailed,
        Self::RefundFailed,
        Self::Refunded,
        Self::PartiallyRefunded,
        Self::PartiallyCaptured,
        Self::Captured,
        Self::Voided,
        Self::Expired,
        Self::Authorized,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorizing => "AUTHORIZING",
            Self::Declined => "DECLINED",
            Self::VoidRequested => "VOID_REQUESTED",
            Self::CaptureRequested => "CAPTURE_REQUESTED",
            Self::RefundRequested => "REFUND_REQUESTED",
            Self::CaptureFailed => "CAPTURE_FAILED",
            Self::RefundFailed => "REFUND_FAILED",
            Self::Refunded => "REFUNDED",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::PartiallyCaptured => "PARTIALLY_CAPTURED",
            Self::Captured => "CAPTURED",
            Self::Voided => "VOIDED",
            Self::Expired => "EXPIRED",
            Self::Authorized => "AUTHORIZED",
        }
    }
}

impl Payment {
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        self.authorization_status()
            .or_else(|| self.pending_status())
            .or_else(|| self.failed_status())
            .or_else(|| self.money_status())
            .unwrap_or(match self.release {
                Some(Release::Voided) => PaymentStatus::Voided,
                Some(Release::Expired) => PaymentStatus::Expired,
                Some(Release::FinalCapture) | None => PaymentStatus::Authorized,
            })
    }

    fn authorization_status(&self) -> Option<PaymentStatus> {
        match self.authorization().map_or(OperationStatus::Pending, |first| first.status) {
            OperationStatus::Pending | OperationStatus::Unknown => Some(PaymentStatus::Authorizing),
            OperationStatus::Failed => Some(PaymentStatus::Declined),
            OperationStatus::Succeeded => None,
        }
    }

    fn pending_status(&self) -> Option<PaymentStatus> {
        if self.has_open(Verb::Void) {
            return Some(PaymentStatus::VoidRequested);
        }
        self.open_operations().rev().find_map(|operation| match operation.verb {
            Verb::Capture => Some(PaymentStatus::CaptureRequested),
            Verb::Refund => Some(PaymentStatus::RefundRequested),
            _ => None,
        })
    }

    fn failed_status(&self) -> Option<PaymentStatus> {
        let last = self.operations.last()?;
        match (last.verb, last.status) {
            (Verb::Capture, OperationStatus::Failed) => Some(PaymentStatus::CaptureFailed),
            (Verb::Refund, OperationStatus::Failed) => Some(PaymentStatus::RefundFailed),
            _ => None,
        }
    }

    fn money_status(&self) -> Option<PaymentStatus> {
        let (captured, refunded) = (self.amount_captured(), self.amount_refunded());
        if captured.is_zero() {
            None
        } else if refunded == captured {
            Some(PaymentStatus::Refunded)
        } else if !refunded.is_zero() {
            Some(PaymentStatus::PartiallyRefunded)
        } else if !self.amount_capturable().is_zero() {
            Some(PaymentStatus::PartiallyCaptured)
        } else {
            Some(PaymentStatus::Captured)
        }
    }
}
