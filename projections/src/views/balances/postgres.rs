//! The balances view on Postgres: totals per partition, summed on read.

use daybook_engine::postgres::Transaction;

use super::fold::{BALANCE, BalancesFold};
use super::{BalanceBody, BalanceKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::postgres::{Items, PostgresColumns, failed, insert};
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

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT merchant_id, currency, account, sum(debits)::int8, sum(credits)::int8 FROM balance WHERE ",
            $of,
            " AND (merchant_id, currency, account) > ($2, $3, $4)
             GROUP BY merchant_id, currency, account
             ORDER BY merchant_id, currency, account LIMIT $5"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
    after: Option<BalanceKey>,
) -> Result<Items<BalanceBody>, ViewError> {
    let (merchant_id, currency, account) = after.map_or_else(Default::default, |key| {
        let BalanceKey(merchant_id, currency, account) = key;
        (merchant_id.to_string(), currency.to_string(), account.as_str())
    });
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = $1"),
        None => page!("$1::text IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(merchant_id)
        .bind(currency)
        .bind(account)
        .bind(query.rows_to_read());
    let rows = tx.fetch_all(rows).await.map_err(failed(View::Balances))?;
    let items = rows
        .iter()
        .map(|row| BalanceBody::read(&PostgresColumns { row, view: View::Balances }))
        .collect::<Result<_, _>>()?;
    let key =
        |body: &BalanceBody| BalanceKey(body.merchant_id.clone(), body.currency, body.account);
    Ok(query.cut(items, key))
}
