//! The operations view: one row per authorize, capture, void, refund or reversal.

mod attention;
pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

pub use attention::Attention;

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{LateOutcomeKind, OperationStatus, Verb};
use schemars::JsonSchema;
use serde::Serialize;

use crate::views::View;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// An operation of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Operation", deny_unknown_fields)]
pub struct OperationBody {
    pub operation_id: OperationId,
    pub payment_id: PaymentId,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub verb: Verb,
    /// What was asked for, in minor units.
    pub amount: Amount,
    /// What counts: zero until it succeeds.
    pub amount_settled: Amount,
    pub status: OperationStatus,
    /// What the acquirer said after the outcome, contradicting it: people should look.
    pub late: Option<LateOutcomeKind>,
    /// Null for what the engine began by itself, and where the client gave none.
    pub idempotency_key: Option<Arc<str>>,
    pub requested_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    pub acquirer_transaction_id: Option<Arc<str>>,
    pub response_code: Option<Arc<str>>,
}

/// By request, newest first.
pub static LIST: List = List {
    name: "operations",
    view: View::Operations,
    filters: &[
        Filter::PAYMENT,
        Filter::MERCHANT,
        Filter::new("status", "status", Test::Is, Domain::OperationStatus),
        Filter::new("verb", "verb", Test::Is, Domain::Verb),
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
