//! The balances view on SQLite: totals per partition, summed on read.

use sqlx::sqlite::SqliteConnection;

use super::BalanceBody;
use super::fold::BalancesFold;
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select, Totals};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{failed, selecting};
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

pub(in crate::views) const SELECT: Select = Select {
    table: "balance",
    columns: "merchant_id, currency, account, sum(debits), sum(credits)",
    totals: Some(Totals {
        group_by: "merchant_id, currency, account",
        sums: &[(
            "balance",
            "CASE account WHEN 'acquirer_receivable' THEN sum(debits) - sum(credits)
                ELSE sum(credits) - sum(debits) END",
        )],
    }),
};

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<BalanceBody>, ViewError> {
    selecting::page(tx, query, &SELECT, |columns| BalanceBody::read(columns)).await
}
