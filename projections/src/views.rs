//! What the API asks of the views.

use async_trait::async_trait;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::payment::Payment;

/// Which page of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// `None` for every merchant.
    pub merchant_id: Option<MerchantId>,
    /// The last page's `next`.
    pub after: Option<String>,
    /// From 1 to 200.
    pub limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// How far the view has got in each partition.
    pub positions: Vec<(Partition, u64)>,
}

/// A payment as its view has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    pub payment_id: PaymentId,
    pub partition: Partition,
    /// Where the payment's last event stands.
    pub position: u64,
    pub payment: Payment,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ViewError {
    #[error("the cursor is not one that this list gave out")]
    BadCursor,
    #[error("the views can't be read: {0}")]
    Unavailable(String),
}

// Stand-ins: the views' owner gives these their fields.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SettlementBody {}
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SettlementLineBody {}
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RefundBody {}
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BalanceBody {}
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OperationRowBody {}

/// The port; every answer says how far the view is.
#[async_trait]
pub trait ViewQueries: Send + Sync + 'static {
    async fn payments(&self, query: &PageQuery) -> Result<Page<PaymentRow>, ViewError>;
    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError>;
    async fn settlement_lines(
        &self,
        query: &PageQuery,
    ) -> Result<Page<SettlementLineBody>, ViewError>;
    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError>;
    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError>;
    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationRowBody>, ViewError>;
}
