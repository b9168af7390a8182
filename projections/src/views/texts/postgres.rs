//! The texts view on Postgres.

use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::smallint;
use uuid::Uuid;

use super::fold::{PAYMENT_TEXT, TextRow, TextsFold};
use super::{Erased, PaymentTexts};
use crate::error::ViewError;
use crate::views::columns::Columns;
use crate::views::postgres::{PostgresColumns, failed, insert};
use crate::views::row::Fold;
use crate::views::{DecodedEvent, View};

const VIEW: View = View::Texts;

pub(in crate::views) async fn apply(
    tx: &mut Transaction<'_>,
    batches: &[&[DecodedEvent]],
    texts: &PaymentTexts,
) -> Result<(), ViewError> {
    let mut fold = TextsFold::new(texts);
    fold.fold(batches)?;
    let mut rows = fold.rows;
    if rows.is_empty() {
        return Ok(());
    }
    erased(tx, &rows).await?.retain(&mut rows);
    tx.execute(insert(&PAYMENT_TEXT, rows.iter(), "")).await.map_err(failed(VIEW))?;
    Ok(())
}

async fn erased(tx: &mut Transaction<'_>, rows: &[TextRow]) -> Result<Erased, ViewError> {
    let partitions: Vec<i16> = rows.iter().map(|row| smallint(row.partition)).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.payment_id.uuid()).collect();
    let rows = sqlx::query(
        "SELECT payment_id, name FROM erased_text
         WHERE (partition, payment_id) IN (SELECT * FROM unnest($1::int2[], $2::uuid[]))",
    )
    .bind(partitions)
    .bind(ids);
    let rows = tx.fetch_all(rows).await.map_err(failed(VIEW))?;
    let read = |row: &_| {
        let columns = PostgresColumns { row, view: VIEW };
        Ok((columns.payment_id(0)?, columns.text(1)?.to_owned()))
    };
    rows.iter().map(read).collect::<Result<_, ViewError>>().map(Erased)
}
