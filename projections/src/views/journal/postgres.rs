//! The journal view on Postgres.

use daybook_engine::postgres::Transaction;

use super::PostingBody;
use super::fold::{JournalFold, POSTING, PostingRow};
use crate::error::ViewError;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::postgres::{PostgresColumns, failed, insert, selecting};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
) -> Result<(), ViewError> {
    let mut fold = JournalFold::default();
    fold.fold(batches)?;
    if fold.rows.is_empty() {
        return Ok(());
    }
    let insert = insert(&POSTING, fold.rows.iter(), "");
    tx.execute(insert).await.map_err(failed(View::Journal))?;
    Ok(())
}

const SELECT: Select = Select {
    table: "posting",
    columns: "partition, position, line::int8, payment_id, operation_id, merchant_id, currency,
        account, side, amount, day_text(date), at",
    totals: None,
};

pub(in crate::views) async fn page(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
) -> Result<Items<PostingBody>, ViewError> {
    let read = |columns: &PostgresColumns<'_>| Ok(PostingRow::read(columns)?.posting);
    selecting::page(tx, query, &SELECT, read).await
}
