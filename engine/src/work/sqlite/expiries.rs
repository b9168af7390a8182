//! Expiries: read from the front of their time order, settled where they stand.

use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::super::{ExpiryEnd, ExpiryItem};
use super::json::{self, Hex};
use crate::clock::Timestamp;
use crate::ids::{Partition, PaymentId};

pub(super) const DUE: &str = "
    SELECT due_at, partition, payment_id FROM expiry
    WHERE due_at <= ? AND +partition IN (SELECT value FROM json_each(?))
    ORDER BY due_at, partition, payment_id
    LIMIT ?";

pub(super) async fn due(
    readers: &SqlitePool,
    partitions: &[Partition],
    now: Timestamp,
    limit: u32,
) -> sqlx::Result<Vec<ExpiryItem>> {
    let rows = sqlx::query(DUE)
        .bind(now.micros())
        .bind(json::partitions(partitions))
        .bind(limit)
        .fetch_all(readers)
        .await?;
    rows.iter().map(expiry_item).collect()
}

fn expiry_item(row: &SqliteRow) -> sqlx::Result<ExpiryItem> {
    Ok(ExpiryItem {
        partition: json::partition(row)?,
        payment_id: PaymentId::from_uuid(json::id(row, "payment_id")?),
        due_at: json::time(row, "due_at")?,
    })
}

/// Those that still stand wait, where an operation is open whose outcome they can wait for.
const WAIT: &str = "
    INSERT INTO expiry_waiting (partition, payment_id)
    SELECT expiry.partition, expiry.payment_id
    FROM json_each(?) AS row
    CROSS JOIN expiry ON expiry.due_at = row.value ->> 0
        AND expiry.partition = row.value ->> 1
        AND expiry.payment_id = unhex(row.value ->> 2)
    WHERE EXISTS (
        SELECT 1 FROM work_item AS item
        WHERE item.partition = expiry.partition
            AND item.payment_id = expiry.payment_id
            AND item.verb IN ('capture', 'void')
    )
    ON CONFLICT DO NOTHING";

/// Those that found nothing to wait for; keyed by the old time, [`END`] doesn't meet them.
const TRY_AGAIN: &str = "
    UPDATE expiry SET due_at = ?2
    WHERE (due_at, partition, payment_id) IN (
            SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?1)
        )
        AND NOT EXISTS (
            SELECT 1 FROM expiry_waiting AS waiting
            WHERE waiting.partition = expiry.partition
                AND waiting.payment_id = expiry.payment_id
        )";

const END: &str = "
    DELETE FROM expiry WHERE (due_at, partition, payment_id) IN (
        SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?)
    )";

pub(super) async fn settle(
    writer: &mut SqliteConnection,
    settled: &[(ExpiryItem, ExpiryEnd)],
    again: Timestamp,
) -> sqlx::Result<()> {
    let refused = settled.iter().filter(|(_, end)| *end == ExpiryEnd::Waits);
    if let Some(refused) = json::rows(refused.map(|(item, _)| key(item)))? {
        sqlx::query(WAIT).bind(&refused).execute(&mut *writer).await?;
        sqlx::query(TRY_AGAIN).bind(&refused).bind(again.micros()).execute(&mut *writer).await?;
    }
    if let Some(settled) = json::rows(settled.iter().map(|(item, _)| key(item)))? {
        sqlx::query(END).bind(settled).execute(writer).await?;
    }
    Ok(())
}

fn key(item: &ExpiryItem) -> (i64, Partition, Hex) {
    (item.due_at.micros(), item.partition, Hex(item.payment_id.uuid()))
}
