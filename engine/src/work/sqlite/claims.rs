//! Claiming due operations and giving them back.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::super::{Claim, WorkItem};
use super::json::{self, Hex, damaged};
use crate::clock::Timestamp;
use crate::ids::{OperationId, Partition, PaymentId};
use crate::payment::Verb;

/// Walks the index of due times, and never the partitions one by one: it ends at the limit.
pub(super) const CLAIMABLE: &str = "
    SELECT partition, payment_id, version, operation_id, verb, due_at, attempts, opened_at,
        flagged, randomblob(16) AS token
    FROM work_item AS item INDEXED BY work_item_due
    WHERE due_at <= ?1
        AND +partition IN (SELECT value FROM json_each(?2))
        AND NOT EXISTS (
            SELECT 1 FROM work_item AS earlier
            WHERE earlier.partition = item.partition
                AND earlier.payment_id = item.payment_id
                AND earlier.version < item.version
        )
        AND NOT EXISTS (
            SELECT 1 FROM claim
            WHERE claim.partition = item.partition
                AND claim.payment_id = item.payment_id
                AND claim.until > ?1
        )
    ORDER BY due_at, partition, payment_id
    LIMIT ?3";

const CLAIM: &str = "
    INSERT INTO claim (partition, payment_id, operation_id, token, until)
    SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), unhex(value ->> 3), value ->> 4
    FROM json_each(?)
    WHERE true
    ON CONFLICT (partition, payment_id) DO UPDATE SET
        operation_id = excluded.operation_id,
        token = excluded.token,
        until = excluded.until";

pub(super) async fn claim(
    writer: &mut SqliteConnection,
    partitions: &[Partition],
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> sqlx::Result<Vec<Claim>> {
    let due = sqlx::query(CLAIMABLE)
        .bind(now.micros())
        .bind(json::partitions(partitions))
        .bind(limit)
        .fetch_all(&mut *writer)
        .await?;
    let claims = due.iter().map(|row| claim_of(row, until)).collect::<Result<Vec<_>, _>>()?;
    let rows = json::rows(claims.iter().map(|claim| {
        let item = &claim.item;
        let (payment, operation) = (Hex(item.payment_id.uuid()), Hex(item.operation_id.uuid()));
        (item.partition, payment, operation, Hex(claim.token), claim.until.micros())
    }))?;
    if let Some(rows) = rows {
        sqlx::query(CLAIM).bind(rows).execute(writer).await?;
    }
    Ok(claims)
}

fn claim_of(row: &SqliteRow, until: Timestamp) -> sqlx::Result<Claim> {
    let verb: &str = row.try_get("verb")?;
    let item = WorkItem {
        partition: json::partition(row)?,
        payment_id: PaymentId::from_uuid(json::id(row, "payment_id")?),
        operation_id: OperationId::from_uuid(json::id(row, "operation_id")?),
        verb: Verb::parse(verb).ok_or_else(|| damaged("verb", format!("unknown: {verb}")))?,
        version: row.try_get("version")?,
        due_at: json::time(row, "due_at")?,
        attempts: row.try_get("attempts")?,
        opened_at: json::time(row, "opened_at")?,
        flagged: row.try_get("flagged")?,
    };
    Ok(Claim { item, token: json::id(row, "token")?, until })
}

/// Whether the claim was still held.
pub(super) async fn put_back(
    writer: &mut SqliteConnection,
    claim: &Claim,
    due_at: Timestamp,
    flagged_since: Timestamp,
) -> sqlx::Result<bool> {
    let item = &claim.item;
    if !end(writer, claim).await? {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE work_item SET
             due_at = iif(version = ?1, ?2, due_at),
             attempts = attempts + (version = ?1),
             flagged = flagged OR opened_at <= ?3
         WHERE partition = ?4 AND payment_id = ?5",
    )
    .bind(item.version)
    .bind(due_at.micros())
    .bind(flagged_since.micros())
    .bind(item.partition.number())
    .bind(&item.payment_id.uuid().as_bytes()[..])
    .execute(writer)
    .await?;
    Ok(true)
}

/// The attempt is counted by the fold: where it has been, it has said when the operation is due.
pub(super) async fn release(
    writer: &mut SqliteConnection,
    claim: &Claim,
    due_at: Timestamp,
) -> sqlx::Result<bool> {
    let item = &claim.item;
    if !end(writer, claim).await? {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE work_item SET due_at = ?
         WHERE partition = ? AND payment_id = ? AND version = ? AND attempts = ?",
    )
    .bind(due_at.micros())
    .bind(item.partition.number())
    .bind(&item.payment_id.uuid().as_bytes()[..])
    .bind(item.version)
    .bind(item.attempts)
    .execute(writer)
    .await?;
    Ok(true)
}

/// Whether the claim was still held.
async fn end(writer: &mut SqliteConnection, claim: &Claim) -> sqlx::Result<bool> {
    let ended =
        sqlx::query("DELETE FROM claim WHERE partition = ? AND payment_id = ? AND token = ?")
            .bind(claim.item.partition.number())
            .bind(&claim.item.payment_id.uuid().as_bytes()[..])
            .bind(&claim.token.as_bytes()[..])
            .execute(writer)
            .await?;
    Ok(ended.rows_affected() > 0)
}
