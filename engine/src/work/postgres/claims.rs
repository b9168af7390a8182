//! Claiming due operations and giving them back.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::super::{Claim, WorkItem};
use super::columns::{self, damaged};
use super::millis;
use crate::clock::Timestamp;
use crate::ids::{OperationId, Partition, PaymentId};
use crate::payment::Verb;
use crate::postgres::values::{smallint, timestamptz};

/// What may be claimed now, of the partitions `$1`, and the time that it is: it walks the index of
/// due times, and ends at the limit `$2`.
macro_rules! claimable {
    () => {
        "
    WITH clock AS MATERIALIZED (
        SELECT date_trunc('milliseconds', clock_timestamp()) AS now
    ), due AS MATERIALIZED (
        SELECT partition, payment_id, version, operation_id, verb, due_at, attempts, opened_at,
            flagged
        FROM work_item AS item
        WHERE due_at <= (SELECT now FROM clock)
            AND partition = ANY($1)
            AND NOT EXISTS (
                SELECT FROM work_item AS earlier
                WHERE earlier.partition = item.partition
                    AND earlier.payment_id = item.payment_id
                    AND earlier.version < item.version
            )
            AND NOT EXISTS (
                SELECT FROM claim
                WHERE claim.partition = item.partition
                    AND claim.payment_id = item.payment_id
                    AND claim.until > (SELECT now FROM clock)
            )
        ORDER BY due_at, partition, payment_id
        LIMIT $2
    )"
    };
}

pub(super) const CLAIMABLE: &str =
    concat!(claimable!(), " SELECT DISTINCT partition FROM due ORDER BY partition");

pub(super) const CLAIM: &str = concat!(
    claimable!(),
    ", held AS (
        INSERT INTO claim (partition, payment_id, operation_id, token, until)
        SELECT partition, payment_id, operation_id, gen_random_uuid(),
            now + $3 * interval '1 millisecond'
        FROM due CROSS JOIN clock
        ON CONFLICT (partition, payment_id) DO UPDATE SET
            operation_id = excluded.operation_id,
            token = excluded.token,
            until = excluded.until
        RETURNING partition, payment_id, token, until
    )
    SELECT due.*, held.token, held.until
    FROM due JOIN held USING (partition, payment_id)
    ORDER BY due_at, partition, payment_id"
);

/// The partitions in which something could be claimed a moment ago: read without a lock, since
/// nearly every look finds nothing.
pub(super) async fn claimable(
    connection: &mut PgConnection,
    partitions: &[Partition],
    limit: u32,
) -> sqlx::Result<Vec<Partition>> {
    let rows = sqlx::query(CLAIMABLE)
        .bind(columns::partitions(partitions))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    rows.iter().map(columns::partition).collect()
}

pub(super) async fn claim(
    connection: &mut PgConnection,
    partitions: &[Partition],
    hold: Duration,
    limit: u32,
) -> sqlx::Result<Vec<Claim>> {
    let rows = sqlx::query(CLAIM)
        .bind(columns::partitions(partitions))
        .bind(i64::from(limit))
        .bind(millis(hold))
        .fetch_all(connection)
        .await?;
    rows.iter().map(claim_of).collect()
}

fn claim_of(row: &PgRow) -> sqlx::Result<Claim> {
    let verb: &str = row.try_get("verb")?;
    let item = WorkItem {
        partition: columns::partition(row)?,
        payment_id: PaymentId::from_uuid(columns::id(row, "payment_id")?),
        operation_id: OperationId::from_uuid(columns::id(row, "operation_id")?),
        verb: Verb::parse(verb).ok_or_else(|| damaged("verb", format!("unknown: {verb}")))?,
        version: columns::count(row, "version")?,
        due_at: columns::time(row, "due_at")?,
        attempts: columns::count(row, "attempts")?,
        opened_at: columns::time(row, "opened_at")?,
        flagged: row.try_get("flagged")?,
    };
    let (token, until) = (columns::id(row, "token")?, columns::time(row, "until")?);
    Ok(Claim { item, token, until })
}

const PUT_BACK: &str = "
    WITH ended AS (
        DELETE FROM claim WHERE partition = $1 AND payment_id = $2 AND token = $3
        RETURNING partition, payment_id
    ), again AS (
        UPDATE work_item AS item
        SET due_at = CASE WHEN version = $4 THEN
                date_trunc('milliseconds', clock_timestamp()) + $5 * interval '1 millisecond'
            ELSE due_at END,
            attempts = attempts + (version = $4)::int4,
            flagged = flagged OR opened_at <= $6
        FROM ended
        WHERE item.partition = ended.partition
            AND item.payment_id = ended.payment_id
            AND (version = $4 OR opened_at <= $6 AND NOT flagged)
    )
    SELECT count(*) FROM ended";

/// Whether the claim was still held.
pub(super) async fn put_back(
    connection: &mut PgConnection,
    claim: &Claim,
    delay: Duration,
    flagged_since: Timestamp,
) -> sqlx::Result<bool> {
    let item = &claim.item;
    let ended: i64 = sqlx::query_scalar(PUT_BACK)
        .bind(smallint(item.partition))
        .bind(item.payment_id.uuid())
        .bind(claim.token)
        .bind(columns::integer(item.version))
        .bind(millis(delay))
        .bind(timestamptz(flagged_since))
        .fetch_one(connection)
        .await?;
    Ok(ended > 0)
}

/// The attempt is counted by the fold: where it has been, it has said when the operation is due.
const RELEASE: &str = "
    WITH ended AS (
        DELETE FROM claim WHERE partition = $1 AND payment_id = $2 AND token = $3
        RETURNING partition, payment_id
    ), later AS (
        UPDATE work_item AS item
        SET due_at = date_trunc('milliseconds', clock_timestamp()) + $6 * interval '1 millisecond'
        FROM ended
        WHERE item.partition = ended.partition AND item.payment_id = ended.payment_id
            AND version = $4 AND attempts = $5
    )
    SELECT count(*) FROM ended";

/// Whether the claim was still held.
pub(super) async fn release(
    connection: &mut PgConnection,
    claim: &Claim,
    delay: Duration,
) -> sqlx::Result<bool> {
    let item = &claim.item;
    let ended: i64 = sqlx::query_scalar(RELEASE)
        .bind(smallint(item.partition))
        .bind(item.payment_id.uuid())
        .bind(claim.token)
        .bind(columns::integer(item.version))
        .bind(columns::integer(item.attempts))
        .bind(millis(delay))
        .fetch_one(connection)
        .await?;
    Ok(ended > 0)
}
