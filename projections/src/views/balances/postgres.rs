//! The balances view on Postgres: totals per partition, summed on read.

use daybook_engine::journal::Account;
use sqlx::postgres::{PgConnection, PgRow};

use super::BalanceBody;
use super::fold::{BALANCE, BalancesFold};
use crate::error::ViewError;
use crate::views::page::PageQuery;
use crate::views::postgres::{Columns, Items, failed, insert};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut PgConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = BalancesFold::default();
    fold.fold(batches)?;
    if fold.totals.is_empty() {
        return Ok(());
    }
    insert(
        &BALANCE,
        fold.totals.values(),
        "ON CONFLICT (merchant_id, currency, account, partition) DO UPDATE SET
             debits = balance.debits + excluded.debits,
             credits = balance.credits + excluded.credits",
    )
    .execute(tx)
    .await
    .map_err(failed(View::Balances))?;
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
    tx: &mut PgConnection,
    query: &PageQuery,
) -> Result<Items<BalanceBody>, ViewError> {
    let (merchant_id, currency, account): (String, String, String) =
        query.key("balances")?.unwrap_or_default();
    let statement = match query.merchant_id {
        Some(_) => page!("merchant_id = $1"),
        None => page!("$1::text IS NULL"),
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
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    let key = |body: &BalanceBody| (body.merchant_id.clone(), body.currency, body.account);
    Ok(query.cut("balances", items, key))
}

fn read(row: &PgRow) -> Result<BalanceBody, ViewError> {
    let columns = Columns { row, view: View::Balances };
    let account: Account = columns.named(2)?;
    let (debits, credits) = (columns.integer(3)?, columns.integer(4)?);
    let balance = BalanceBody::balance(account, debits, credits);
    Ok(BalanceBody {
        merchant_id: columns.named(0)?,
        currency: columns.named(1)?,
        account,
        debits,
        credits,
        balance: balance.ok_or(ViewError::Overflow { view: View::Balances.as_str() })?,
    })
}
