//! The texts view on SQLite.

use daybook_engine::ids::Partition;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::fold::{TextRow, TextsFold};
use super::{Erased, PaymentTexts};
use crate::error::ViewError;
use crate::views::columns::Columns;
use crate::views::row::{Fold, json};
use crate::views::sqlite::{SqliteColumns, failed};
use crate::views::{DecodedEvent, View};

const VIEW: View = View::Texts;

pub(in crate::views) async fn apply(
    tx: &mut SqliteConnection,
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
    sqlx::query(
        "INSERT INTO payment_text (partition, payment_id, version, name, value, created_at)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5
         FROM json_each(?1)",
    )
    .bind(json(rows.iter()))
    .execute(tx)
    .await
    .map_err(failed(VIEW))?;
    Ok(())
}

async fn erased(tx: &mut SqliteConnection, rows: &[TextRow]) -> Result<Erased, ViewError> {
    let mut payments: Vec<(Partition, Uuid)> =
        rows.iter().map(|row| (row.partition, row.payment_id.uuid())).collect();
    payments.dedup();
    let rows = sqlx::query(
        "SELECT erased_text.payment_id, erased_text.name
         FROM json_each(?1) AS wanted CROSS JOIN erased_text
         WHERE erased_text.partition = wanted.value ->> 0
           AND erased_text.payment_id = unhex(wanted.value ->> 1)",
    )
    .bind(json(payments.iter()))
    .fetch_all(tx)
    .await
    .map_err(failed(VIEW))?;
    let read = |row: &_| {
        let columns = SqliteColumns { row, view: VIEW };
        Ok((columns.payment_id(0)?, columns.text(1)?.to_owned()))
    };
    rows.iter().map(read).collect::<Result<_, ViewError>>().map(Erased)
}
