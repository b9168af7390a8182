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
use serde::{Deserialize, Serialize};

use crate::views::page::PageKey;

/// A refund of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// By request, newest first: ids are UUIDv7.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::views) struct RefundKey(pub OperationId);

impl PageKey for RefundKey {
    const LIST: &'static str = "refunds";
}
