//! The payments view: one row per payment, folded by the payment's own rules.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::payment::Payment;
use serde::{Deserialize, Serialize};

use crate::views::page::PageKey;

/// A payment of a list, ready for `daybook_engine::payment::Rendering`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    pub payment_id: PaymentId,
    pub partition: Partition,
    /// Where the payment's last event stands, as far as the view has got.
    pub position: u64,
    pub payment: Payment,
}

/// By creation, newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::views) struct PaymentKey(pub Timestamp, pub PaymentId);

impl PageKey for PaymentKey {
    const LIST: &'static str = "payments";
}
