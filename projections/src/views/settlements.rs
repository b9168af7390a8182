//! The settlements view: what a merchant earned on a day in a currency, and the lines it is the
//! sum of.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::Columns;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// One merchant's day in one currency; amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Settlement", deny_unknown_fields)]
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

impl SettlementBody {
    /// From the columns merchant_id, currency, date, capture_count, refund_count, gross_amount, refund_amount,
    /// fee_amount.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let (gross_amount, refund_amount, fee_amount) =
            (columns.integer(5)?, columns.integer(6)?, columns.integer(7)?);
        let net =
            gross_amount.checked_sub(refund_amount).and_then(|rest| rest.checked_sub(fee_amount));
        Ok(Self {
            merchant_id: columns.named(0)?,
            currency: columns.named(1)?,
            date: columns.named(2)?,
            capture_count: columns.integer(3)?,
            refund_count: columns.integer(4)?,
            gross_amount,
            refund_amount,
            fee_amount,
            net_amount: net.ok_or(ViewError::Overflow { view: View::Settlements.as_str() })?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettlementLine", deny_unknown_fields)]
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

/// By day, newest first.
pub static LIST: List = List {
    name: "settlements",
    view: View::Settlements,
    filters: &[
        Filter::MERCHANT,
        Filter::DATE,
        Filter::CURRENCY,
        Filter::DATE_FROM,
        Filter::DATE_TO,
        Filter::new("minGrossAmount", "gross_amount", Test::AtLeast, Domain::Sum),
        Filter::new("maxGrossAmount", "gross_amount", Test::AtMost, Domain::Sum),
        Filter::new("minNetAmount", "net_amount", Test::AtLeast, Domain::Sum),
        Filter::new("maxNetAmount", "net_amount", Test::AtMost, Domain::Sum),
    ],
    orders: &[
        Order { name: "date", key: &[KeyColumn::DATE, KeyColumn::MERCHANT, KeyColumn::CURRENCY] },
        Order {
            name: "merchantId",
            key: &[KeyColumn::MERCHANT, KeyColumn::DATE, KeyColumn::CURRENCY],
        },
        Order {
            name: "grossAmount",
            key: &[
                KeyColumn("gross_amount", Domain::Sum),
                KeyColumn::DATE,
                KeyColumn::MERCHANT,
                KeyColumn::CURRENCY,
            ],
        },
        Order {
            name: "netAmount",
            key: &[
                KeyColumn("net_amount", Domain::Sum),
                KeyColumn::DATE,
                KeyColumn::MERCHANT,
                KeyColumn::CURRENCY,
            ],
        },
    ],
    is_descending: true,
    has_texts: false,
};

/// By day and time, newest first, then by partition and position.
pub static LINES: List = List {
    name: "settlement-lines",
    view: View::Settlements,
    filters: &[
        Filter::PAYMENT,
        Filter::MERCHANT,
        Filter::DATE,
        Filter::CURRENCY,
        Filter::DATE_FROM,
        Filter::DATE_TO,
        Filter::FROM,
        Filter::BEFORE,
        Filter::new("kind", "kind", Test::Is, Domain::LineKind),
        Filter::MIN_AMOUNT,
        Filter::MAX_AMOUNT,
    ],
    orders: &[
        Order {
            name: "date",
            key: &[KeyColumn::DATE, KeyColumn::AT, KeyColumn::PARTITION, KeyColumn::POSITION],
        },
        Order {
            name: "amount",
            key: &[KeyColumn::AMOUNT, KeyColumn::PARTITION, KeyColumn::POSITION],
        },
    ],
    is_descending: true,
    has_texts: true,
};
