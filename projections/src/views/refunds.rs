//! The refunds view: one row per refund, from its request on.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::OperationStatus;
use schemars::JsonSchema;
use serde::Serialize;

use crate::views::View;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// A refund of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Refund", deny_unknown_fields)]
pub struct RefundBody {
    pub operation_id: OperationId,
    pub payment_id: PaymentId,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    /// What was refunded once it succeeded, until then what was asked for; in minor units.
    pub amount: Amount,
    pub status: OperationStatus,
    pub requested_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    pub acquirer_transaction_id: Option<Arc<str>>,
    pub response_code: Option<Arc<str>>,
}

/// By request, newest first.
pub static LIST: List = List {
    name: "refunds",
    view: View::Refunds,
    filters: &[
        Filter::PAYMENT,
        Filter::MERCHANT,
        Filter::new("status", "status", Test::Is, Domain::OperationStatus),
        Filter::CURRENCY,
        Filter::MIN_AMOUNT,
        Filter::MAX_AMOUNT,
        Filter::new("requestedFrom", "requested_at", Test::AtLeast, Domain::Time),
        Filter::new("requestedBefore", "requested_at", Test::Before, Domain::Time),
        Filter::new("completedFrom", "completed_at", Test::AtLeast, Domain::Time),
        Filter::new("completedBefore", "completed_at", Test::Before, Domain::Time),
    ],
    orders: &[
        Order { name: "requestedAt", key: &[KeyColumn("requested_at", Domain::Time), ID] },
        Order { name: "amount", key: &[KeyColumn::AMOUNT, ID] },
    ],
    is_descending: true,
    has_texts: true,
};

const ID: KeyColumn = KeyColumn("operation_id", Domain::Id);
