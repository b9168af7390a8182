//! The settlements view: what a merchant earned on a day in a currency, and the lines it is the
//! sum of.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use serde::{Deserialize, Serialize};

/// One merchant's day in one currency; amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementBody {
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub date: Date,
    pub capture_count: i64,
    pub refund_count: i64,
    /// Everything captured.
    pub gross_amount: i64,
    pub refund_amount: i64,
    pub fee_amount: i64,
    /// Gross less refunds and fees: negative on a day with more refunds than captures.
    pub net_amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Capture,
    Refund,
}

impl LineKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// A capture or refund that posted a journal entry, in time or late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementLineBody {
    pub payment_id: PaymentId,
    pub operation_id: OperationId,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub date: Date,
    pub at: Timestamp,
    pub kind: LineKind,
    /// In minor units, never negative; a refund's is what was given back.
    pub amount: Amount,
    pub fee: Amount,
}
