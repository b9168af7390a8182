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
use serde::{Deserialize, Serialize};

use crate::views::page::PageKey;

/// An operation of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// By request, newest first: ids are UUIDv7.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::views) struct OperationKey(pub OperationId);

impl PageKey for OperationKey {
    const LIST: &'static str = "operations";
}
