//! The lists: which table says what each takes, and where its rows come from.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::engine::Snapshot;
use daybook_engine::payment::PaymentBody;
use daybook_projections::views::list::List;
use daybook_projections::views::{
    BalanceBody, ListedPayment, OperationBody, Page, PageQuery, PostingBody, RefundBody,
    SettlementBody, SettlementLineBody, ViewQueries, balances, journal, operations, payments,
    refunds, settlements,
};
use serde::Serialize;

use crate::csv::Record;
use crate::error::ApiError;

/// What lists are read from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) views: Arc<dyn ViewQueries>,
    pub(crate) payments: Arc<dyn crate::payments::Payments>,
}

/// A list of the API.
#[async_trait]
pub(crate) trait Listing: Send + 'static {
    type Item: Serialize + Record + Send + 'static;
    const LIST: &'static List;

    async fn page(sources: &Sources, query: &PageQuery) -> Result<Page<Self::Item>, ApiError>;
}

macro_rules! listings {
    ($($name:ident: $item:ty, $list:path, $of:ident;)*) => {
        $(
            pub(crate) struct $name;

            #[async_trait]
            impl Listing for $name {
                type Item = $item;
                const LIST: &'static List = &$list;

                async fn page(
                    sources: &Sources,
                    query: &PageQuery,
                ) -> Result<Page<Self::Item>, ApiError> {
                    Ok(sources.views.$of(query).await?)
                }
            }
        )*
    };
}

listings! {
    Settlements: SettlementBody, settlements::LIST, settlements;
    SettlementLines: SettlementLineBody, settlements::LINES, settlement_lines;
    Refunds: RefundBody, refunds::LIST, refunds;
    Balances: BalanceBody, balances::LIST, balances;
    Operations: OperationBody, operations::LIST, operations;
    Journal: PostingBody, journal::LIST, journal;
}

pub(crate) struct Payments;

/// The rows with the texts that stand beside the ledger.
#[async_trait]
impl Listing for Payments {
    type Item = PaymentBody;
    const LIST: &'static List = &payments::LIST;

    async fn page(sources: &Sources, query: &PageQuery) -> Result<Page<PaymentBody>, ApiError> {
        let Page { items, next, positions } = sources.views.payments(query).await?;
        let snapshots = items.into_iter().map(|row| {
            let ListedPayment { payment_id, partition, position, payment } = row;
            Snapshot { payment_id, partition, position, payment }
        });
        let views = sources.payments.with_texts(snapshots.collect()).await?;
        let items = views.iter().map(|view| view.rendering().body()).collect();
        Ok(Page { items, next, positions })
    }
}
