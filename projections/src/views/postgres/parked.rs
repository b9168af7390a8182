//! Parked payments, in the transaction of the rows.

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::{bigint, smallint, timestamptz};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use uuid::Uuid;

use super::columns::{PostgresColumns, failed};
use crate::error::ViewError;
use crate::views::parked::{COLUMNS, ParkedPayment, ParkedPayments, new_rows, payments_of};
use crate::views::{Batch, View, cursors};

const VIEW: View = View::Payments;

/// Everything that is parked, for [`read`].
pub(super) fn everything() -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM parked")))
}

pub(super) async fn counts(tx: &mut Transaction<'_>) -> Result<Vec<(Partition, u64)>, ViewError> {
    let statement = "SELECT partition, count(DISTINCT payment_id) FROM parked GROUP BY partition";
    let rows = tx.fetch_all(sqlx::query(statement)).await.map_err(failed(VIEW))?;
    cursors::positions(rows.iter().map(|row| PostgresColumns { row, view: VIEW }))
}

/// Parks what these batches park; those of their payments that are parked then.
pub(super) async fn hold(
    tx: &mut Transaction<'_>,
    batches: &[Batch],
) -> Result<ParkedPayments, ViewError> {
    insert(tx, batches).await?;
    // Nearly always nothing is parked, and this alone is asked.
    let partitions: Vec<i16> = batches.iter().map(|batch| smallint(batch.partition)).collect();
    let any = sqlx::query("SELECT 1 FROM parked WHERE partition = ANY ($1) LIMIT 1");
    if tx.fetch_all(any.bind(partitions)).await.map_err(failed(VIEW))?.is_empty() {
        return Ok(ParkedPayments::default());
    }
    let payments = payments_of(batches);
    let partitions: Vec<i16> = payments.iter().map(|(partition, _)| smallint(*partition)).collect();
    let ids: Vec<Uuid> = payments.iter().map(|(_, payment_id)| payment_id.uuid()).collect();
    let statement = format!(
        "SELECT {COLUMNS} FROM parked WHERE (partition, payment_id) IN (
             SELECT * FROM unnest($1::int2[], $2::uuid[]))"
    );
    let query = sqlx::query(AssertSqlSafe(statement)).bind(partitions).bind(ids);
    read(&tx.fetch_all(query).await.map_err(failed(VIEW))?)
}

async fn insert(tx: &mut Transaction<'_>, batches: &[Batch]) -> Result<(), ViewError> {
    let rows = new_rows(batches);
    if rows.is_empty() {
        return Ok(());
    }
    let insert = sqlx::query(
        "INSERT INTO parked (partition, payment_id, view, from_position, position, cause, parked_at)
         SELECT * FROM unnest(
             $1::int2[], $2::uuid[], $3::text[], $4::int8[], $5::int8[], $6::text[],
             $7::timestamptz[])
         ON CONFLICT (partition, payment_id, view) DO UPDATE SET
             from_position = least(parked.from_position, excluded.from_position),
             position = excluded.position,
             cause = excluded.cause,
             parked_at = excluded.parked_at
         WHERE excluded.position < parked.position",
    )
    .bind(rows.iter().map(|row| smallint(row.partition)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.payment_id.uuid()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.view.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| bigint(row.from_position)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| bigint(row.position)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.cause).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| timestamptz(row.at)).collect::<Vec<_>>());
    tx.execute(insert).await.map_err(failed(VIEW))?;
    Ok(())
}

/// Takes a payment out of the parked ones; `None` where it is none.
pub(super) async fn take(
    tx: &mut Transaction<'_>,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Option<ParkedPayment>, ViewError> {
    let statement =
        format!("DELETE FROM parked WHERE partition = $1 AND payment_id = $2 RETURNING {COLUMNS}");
    let query = sqlx::query(AssertSqlSafe(statement));
    let query = query.bind(smallint(partition)).bind(payment_id.uuid());
    let rows = tx.fetch_all(query).await.map_err(failed(VIEW))?;
    Ok(read(&rows)?.of(partition, payment_id).cloned())
}

pub(super) fn read(rows: &[PgRow]) -> Result<ParkedPayments, ViewError> {
    ParkedPayments::read(rows.iter().map(|row| PostgresColumns { row, view: VIEW }))
}
