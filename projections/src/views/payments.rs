//! The payments view: one row per payment, folded by the payment's own rules.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::payment::Payment;

use crate::views::View;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// A payment of a list, ready for `daybook_engine::payment::Rendering`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    pub payment_id: PaymentId,
    pub partition: Partition,
    /// Where the payment's last event stands, as far as the view has got.
    pub position: u64,
    pub payment: Payment,
}

/// By creation, newest first. Where a payment is changed between two pages, an order by `updatedAt` shows it
/// at its new place.
pub static LIST: List = List {
    name: "payments",
    view: View::Payments,
    filters: &[
        Filter::MERCHANT,
        Filter::new("status", "status", Test::Is, Domain::PaymentStatus),
        Filter::CURRENCY,
        Filter::MIN_AMOUNT,
        Filter::MAX_AMOUNT,
        Filter::new("createdFrom", "created_at", Test::AtLeast, Domain::Time),
        Filter::new("createdBefore", "created_at", Test::Before, Domain::Time),
        Filter::new("updatedFrom", "updated_at", Test::AtLeast, Domain::Time),
        Filter::new("updatedBefore", "updated_at", Test::Before, Domain::Time),
    ],
    orders: &[
        Order { name: "createdAt", key: &[KeyColumn("created_at", Domain::Time), ID] },
        Order { name: "updatedAt", key: &[KeyColumn("updated_at", Domain::Time), ID] },
        Order { name: "amount", key: &[KeyColumn::AMOUNT, ID] },
    ],
    is_descending: true,
    has_texts: true,
};

const ID: KeyColumn = KeyColumn("payment_id", Domain::Id);
