//! The payments view: one row per payment, folded by the payment's own rules.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::payment::Payment;

/// A payment of a list, ready for `daybook_engine::payment::Rendering`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    pub payment_id: PaymentId,
    pub partition: Partition,
    /// Where the payment's last event stands, as far as the view has got.
    pub position: u64,
    pub payment: Payment,
}
