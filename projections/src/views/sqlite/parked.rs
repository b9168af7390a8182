//! Parked payments, in the transaction of the rows.

use daybook_engine::ids::{Partition, PaymentId};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::columns::{SqliteColumns, failed};
use crate::error::ViewError;
use crate::views::parked::{COLUMNS, NewRow, ParkedPayment, ParkedPayments, new_rows, payments_of};
use crate::views::row::{Cell, Row, json};
use crate::views::{Batch, View, cursors};

const VIEW: View = View::Payments;

pub(super) async fn all(connection: &mut SqliteConnection) -> Result<ParkedPayments, ViewError> {
    let statement = AssertSqlSafe(format!("SELECT {COLUMNS} FROM parked"));
    read(&sqlx::query(statement).fetch_all(connection).await.map_err(failed(VIEW))?)
}

pub(super) async fn counts(
    connection: &mut SqliteConnection,
) -> Result<Vec<(Partition, u64)>, ViewError> {
    let statement = "SELECT partition, count(DISTINCT payment_id) FROM parked GROUP BY partition";
    let rows = sqlx::query(statement).fetch_all(connection).await.map_err(failed(VIEW))?;
    cursors::positions(rows.iter().map(|row| SqliteColumns { row, view: VIEW }))
}

/// Parks what these batches park; those of their payments that are parked then.
pub(super) async fn hold(
    tx: &mut SqliteConnection,
    batches: &[Batch],
) -> Result<ParkedPayments, ViewError> {
    insert(tx, batches).await?;
    // Nearly always nothing is parked, and this alone is asked.
    let is_any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM parked)")
        .fetch_one(&mut *tx)
        .await
        .map_err(failed(VIEW))?;
    if !is_any {
        return Ok(ParkedPayments::default());
    }
    let payments: Vec<(Partition, Uuid)> =
        payments_of(batches).into_iter().map(|(partition, id)| (partition, id.uuid())).collect();
    let statement = format!(
        "SELECT {COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN parked
         WHERE parked.partition = wanted.value ->> 0
           AND parked.payment_id = unhex(wanted.value ->> 1)"
    );
    let query = sqlx::query(AssertSqlSafe(statement)).bind(json(payments.iter()));
    read(&query.fetch_all(tx).await.map_err(failed(VIEW))?)
}

impl Row for NewRow<'_> {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::Id(self.payment_id.uuid()),
            Cell::text(self.view.as_str()),
            Cell::count(self.from_position),
            Cell::count(self.position),
            Cell::text(self.cause),
            Cell::time(self.at),
        ]
    }
}

async fn insert(tx: &mut SqliteConnection, batches: &[Batch]) -> Result<(), ViewError> {
    let rows = new_rows(batches);
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO parked (partition, payment_id, view, from_position, position, cause, parked_at)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6
         FROM json_each(?1)
         WHERE true
         ON CONFLICT (partition, payment_id, view) DO UPDATE SET
             from_position = min(from_position, excluded.from_position),
             position = excluded.position,
             cause = excluded.cause,
             parked_at = excluded.parked_at
         WHERE excluded.position < position",
    )
    .bind(json(rows.iter()))
    .execute(tx)
    .await
    .map_err(failed(VIEW))?;
    Ok(())
}

/// Takes a payment out of the parked ones; `None` where it is none.
pub(super) async fn take(
    tx: &mut SqliteConnection,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Option<ParkedPayment>, ViewError> {
    let statement =
        format!("DELETE FROM parked WHERE partition = ?1 AND payment_id = ?2 RETURNING {COLUMNS}");
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(partition.number())
        .bind(payment_id.uuid().as_bytes().as_slice())
        .fetch_all(tx)
        .await
        .map_err(failed(VIEW))?;
    Ok(read(&rows)?.of(partition, payment_id).cloned())
}

fn read(rows: &[SqliteRow]) -> Result<ParkedPayments, ViewError> {
    ParkedPayments::read(rows.iter().map(|row| SqliteColumns { row, view: VIEW }))
}
