//! The balances view on SQLite: totals per partition, summed on read.

use sqlx::sqlite::SqliteConnection;

use super::fold::BalancesFold;
use super::{BalanceBody, BalanceKey};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::row::{Fold, json};
use crate::views::sqlite::{Items, SqliteColumns, failed};
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = BalancesFold::default();
    fold.fold(batches)?;
    if fold.totals.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO balance (partition, merchant_id, currency, account, debits, credits)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (merchant_id, currency, account, partition) DO UPDATE SET
             debits = debits + excluded.debits,
             credits = credits + excluded.credits",
    )
    .bind(json(fold.totals.values()))
    .execute(tx)
    .await
    .map_err(failed(View::Balances))?;
    Ok(())
}

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT merchant_id, currency, account, sum(debits), sum(credits) FROM balance WHERE ",
            $of,
            " AND (merchant_id, currency, account) > (?2, ?3, ?4)
             GROUP BY merchant_id, currency, account
             ORDER BY merchant_id, currency, account LIMIT ?5"
        )
    };
}

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<BalanceKey>,
) -> Result<Items<BalanceBody>, ViewError> {
    let (merchant_id, currency, account) = after.map_or_else(Default::default, |key| {
        let BalanceKey(merchant_id, currency, account) = key;
        (merchant_id.to_string(), currency.to_string(), account.as_str())
    });
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = ?1"),
        None => page!("?1 IS NULL"),
    };
    let rows = sqlx::query(statement)
        .bind(query.merchant())
        .bind(merchant_id)
        .bind(currency)
        .bind(account)
        .bind(query.rows_to_read())
        .fetch_all(tx)
        .await
        .map_err(failed(View::Balances))?;
    let items = rows
        .iter()
        .map(|row| BalanceBody::read(&SqliteColumns { row, view: View::Balances }))
        .collect::<Result<_, _>>()?;
    let key =
        |body: &BalanceBody| BalanceKey(body.merchant_id.clone(), body.currency, body.account);
    Ok(query.cut(items, key))
}
