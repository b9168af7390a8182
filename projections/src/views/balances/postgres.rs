//! The balances view on Postgres: totals per partition, summed on read.

use daybook_engine::postgres::Transaction;

use super::BalanceBody;
use super::fold::{BALANCE, BalancesFold};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select, Totals};
use crate::views::postgres::{failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = BalancesFold::default();
    fold.fold(batches)?;
    if fold.totals.is_empty() {
        return Ok(());
    }
    let insert = insert(
        &BALANCE,
        fold.totals.values(),
        "ON CONFLICT (merchant_id, currency, account, partition) DO UPDATE SET
             debits = balance.debits + excluded.debits,
             credits = balance.credits + excluded.credits",
    );
    tx.execute(insert).await.map_err(failed(View::Balances))?;
    Ok(())
}

const SELECT: Select = Select {
    table: "balance",
    columns: "merchant_id, currency, account, sum(debits)::int8, sum(credits)::int8",
    totals: Some(Totals {
        group_by: "merchant_id, currency, account",
        sums: &[(
            "balance",
            "(CASE account WHEN 'acquirer_receivable' THEN sum(debits) - sum(credits)
                ELSE sum(credits) - sum(debits) END)::int8",
        )],
    }),
};

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<BalanceBody>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| BalanceBody::read(columns)).await
}
