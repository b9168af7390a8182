//! Expiries: read from the front of their time order, settled where they stand.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool, PgRow};

use super::super::{ExpiryEnd, ExpiryItem};
use super::columns;
use super::millis;
use crate::ids::{Partition, PaymentId};
use crate::postgres::values::{smallint, timestamptz};

pub(super) const DUE: &str = "
    SELECT due_at, partition, payment_id FROM expiry
    WHERE due_at <= (SELECT clock_timestamp()) AND partition = ANY($1)
    ORDER BY due_at, partition, payment_id
    LIMIT $2";

pub(super) async fn due(
    pool: &PgPool,
    partitions: &[Partition],
    limit: u32,
) -> sqlx::Result<Vec<ExpiryItem>> {
    let rows = sqlx::query(DUE)
        .bind(columns::partitions(partitions))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(expiry_item).collect()
}

fn expiry_item(row: &PgRow) -> sqlx::Result<ExpiryItem> {
    Ok(ExpiryItem {
        partition: columns::partition(row)?,
        payment_id: PaymentId::from_uuid(columns::id(row, "payment_id")?),
        due_at: columns::time(row, "due_at")?,
    })
}

/// Takes away those that still stand. Of the refused ones, those wait that have an open operation
/// whose outcome they can wait for; the others come again in a moment.
pub(super) const SETTLE: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::timestamptz[], $2::int2[], $3::uuid[], $4::bool[])
            AS given (due_at, partition, payment_id, is_refused)
    ), settled AS (
        DELETE FROM expiry USING given
        WHERE expiry.due_at = given.due_at
            AND expiry.partition = given.partition
            AND expiry.payment_id = given.payment_id
        RETURNING given.partition, given.payment_id, given.is_refused
    ), refused AS (
        SELECT partition, payment_id, EXISTS (
            SELECT FROM work_item AS item
            WHERE item.partition = settled.partition
                AND item.payment_id = settled.payment_id
                AND item.verb IN ('capture', 'void')
        ) AS can_wait
        FROM settled WHERE is_refused
    ), waiting AS (
        INSERT INTO expiry_waiting (partition, payment_id)
        SELECT partition, payment_id FROM refused WHERE can_wait
        ON CONFLICT DO NOTHING
    )
    INSERT INTO expiry (due_at, partition, payment_id)
    SELECT date_trunc('milliseconds', clock_timestamp()) + $5 * interval '1 millisecond',
        partition, payment_id
    FROM refused WHERE NOT can_wait
    ON CONFLICT DO NOTHING";

pub(super) async fn settle(
    connection: &mut PgConnection,
    settled: &[(ExpiryItem, ExpiryEnd)],
    again: Duration,
) -> sqlx::Result<()> {
    let rows = settled.iter().map(|(item, end)| {
        let is_refused = *end == ExpiryEnd::Waits;
        (timestamptz(item.due_at), smallint(item.partition), item.payment_id.uuid(), is_refused)
    });
    let (due, partitions, payments, refused): (Vec<_>, Vec<_>, Vec<_>, Vec<_>) = rows.collect();
    sqlx::query(SETTLE)
        .bind(due)
        .bind(partitions)
        .bind(payments)
        .bind(refused)
        .bind(millis(again))
        .execute(connection)
        .await?;
    Ok(())
}
