//! The journal view on SQLite.

use sqlx::sqlite::SqliteConnection;

use super::PostingBody;
use super::fold::{JournalFold, PostingRow};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed, selecting};
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = JournalFold::default();
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO posting (partition, position, line, payment_id, operation_id, merchant_id,
             currency, account, side, amount, date, at)
         SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), unhex(value ->> 4),
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
             value ->> 11
         FROM json_each(?1)",
    )
    .bind(json(fold.rows.iter()))
    .execute(tx)
    .await
    .map_err(failed(View::Journal))?;
    Ok(())
}

pub(in crate::views) const SELECT: Select = Select {
    table: "posting",
    columns: "partition, position, line, payment_id, operation_id, merchant_id, currency, account,
        side, amount, date, at",
    totals: None,
};

pub(in crate::views) async fn page(
    tx: &mut SqliteConnection,
    query: &PageQuery,
) -> Result<Items<PostingBody>, ViewError> {
    let read = |columns: &SqliteColumns<'_>| Ok(PostingRow::read(columns)?.posting);
    selecting::page(tx, query, &SELECT, read).await
}
