//! The fold's changes and cursors, each kind by one statement.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgPool};

use super::super::{WorkChange, WorkItem};
use super::columns::{self, integer};
use crate::cursor::Cursor;
use crate::ids::{EventId, Partition};
use crate::postgres::values::{bigint, smallint, timestamptz};

/// The cursors that have a row.
pub(super) async fn cursors(
    pool: &PgPool,
    partitions: &[Partition],
) -> sqlx::Result<HashMap<Partition, Cursor>> {
    let rows = sqlx::query(
        "SELECT partition, position, event_id FROM work_cursor WHERE partition = ANY($1)",
    )
    .bind(columns::partitions(partitions))
    .fetch_all(pool)
    .await?;
    let mut cursors = HashMap::with_capacity(rows.len());
    for row in &rows {
        let position: i64 = row.try_get("position")?;
        let event_id: Option<_> = row.try_get("event_id")?;
        let cursor = Cursor {
            position: position.unsigned_abs(),
            event_id: event_id.map(EventId::from_uuid),
        };
        cursors.insert(columns::partition(row)?, cursor);
    }
    Ok(cursors)
}

/// The partitions that these changes touch.
pub(super) fn partitions(
    changes: &[WorkChange],
    moves: &[(Partition, Cursor, Cursor)],
) -> Vec<Partition> {
    let changed = changes.iter().map(|change| match change {
        WorkChange::Open(item) => item.partition,
        WorkChange::Inquire { partition, .. } | WorkChange::Close { partition, .. } => *partition,
        WorkChange::Expiry(item) | WorkChange::RetryExpiry(item) => item.partition,
    });
    let mut partitions: Vec<_> =
        changed.chain(moves.iter().map(|(partition, ..)| *partition)).collect();
    partitions.sort_unstable();
    partitions.dedup();
    partitions
}

/// `false` where a cursor did not stand where it was said to; the transaction must not be kept.
pub(super) async fn apply(
    connection: &mut PgConnection,
    changes: &[WorkChange],
    moves: &[(Partition, Cursor, Cursor)],
) -> sqlx::Result<bool> {
    if !move_cursors(connection, moves).await? {
        return Ok(false);
    }
    open(connection, changes).await?;
    inquire(connection, changes).await?;
    close(connection, changes).await?;
    expire(connection, changes).await?;
    retry_expiries(connection, changes).await?;
    Ok(true)
}

const MOVE_CURSOR: &str = "
    UPDATE work_cursor
    SET position = moved.to_position, event_id = moved.to_event
    FROM unnest($1::int2[], $2::int8[], $3::uuid[], $4::int8[], $5::uuid[])
        AS moved (partition, from_position, from_event, to_position, to_event)
    WHERE work_cursor.partition = moved.partition
        AND work_cursor.position = moved.from_position
        AND work_cursor.event_id IS NOT DISTINCT FROM moved.from_event";

async fn move_cursors(
    connection: &mut PgConnection,
    moves: &[(Partition, Cursor, Cursor)],
) -> sqlx::Result<bool> {
    if moves.is_empty() {
        return Ok(true);
    }
    let event = |cursor: &Cursor| cursor.event_id.map(EventId::uuid);
    let rows = moves.iter().map(|(partition, from, to)| {
        (smallint(*partition), bigint(from.position), event(from), bigint(to.position), event(to))
    });
    let (partitions, from_positions, from_events, to_positions, to_events): (
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
    ) = rows.collect();
    let moved = sqlx::query(MOVE_CURSOR)
        .bind(partitions)
        .bind(from_positions)
        .bind(from_events)
        .bind(to_positions)
        .bind(to_events)
        .execute(connection)
        .await?
        .rows_affected();
    Ok(usize::try_from(moved).is_ok_and(|moved| moved == moves.len()))
}

const OPEN: &str = "
    INSERT INTO work_item (
        partition, payment_id, version, operation_id, verb, due_at, attempts, opened_at, flagged
    )
    SELECT * FROM unnest(
        $1::int2[], $2::uuid[], $3::int4[], $4::uuid[], $5::text[], $6::timestamptz[], $7::int4[],
        $8::timestamptz[], $9::bool[]
    )
    ON CONFLICT DO NOTHING";

async fn open(connection: &mut PgConnection, changes: &[WorkChange]) -> sqlx::Result<()> {
    let rows = changes.iter().filter_map(|change| {
        let WorkChange::Open(item) = change else { return None };
        let WorkItem { partition, payment_id, operation_id, verb, version, .. } = *item;
        Some((
            smallint(partition),
            payment_id.uuid(),
            integer(version),
            operation_id.uuid(),
            verb.as_str(),
            timestamptz(item.due_at),
            integer(item.attempts),
            timestamptz(item.opened_at),
            item.flagged,
        ))
    });
    let (partitions, payments, versions, operations, verbs, due, attempts, opened, flagged): (
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
        Vec<_>,
    ) = rows.collect();
    if partitions.is_empty() {
        return Ok(());
    }
    sqlx::query(OPEN)
        .bind(partitions)
        .bind(payments)
        .bind(versions)
        .bind(operations)
        .bind(verbs)
        .bind(due)
        .bind(attempts)
        .bind(opened)
        .bind(flagged)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) const INQUIRE: &str = "
    UPDATE work_item AS item
    SET due_at = given.due_at, attempts = attempts + 1
    FROM unnest($1::int2[], $2::uuid[], $3::uuid[], $4::timestamptz[])
        AS given (partition, payment_id, operation_id, due_at)
    WHERE item.partition = given.partition
        AND item.payment_id = given.payment_id
        AND item.operation_id = given.operation_id";

async fn inquire(connection: &mut PgConnection, changes: &[WorkChange]) -> sqlx::Result<()> {
    let rows = changes.iter().filter_map(|change| {
        let WorkChange::Inquire { partition, payment_id, operation_id, due_at } = *change else {
            return None;
        };
        Some((smallint(partition), payment_id.uuid(), operation_id.uuid(), timestamptz(due_at)))
    });
    let (partitions, payments, operations, due): (Vec<_>, Vec<_>, Vec<_>, Vec<_>) = rows.collect();
    if partitions.is_empty() {
        return Ok(());
    }
    sqlx::query(INQUIRE)
        .bind(partitions)
        .bind(payments)
        .bind(operations)
        .bind(due)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) const CLOSE: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::int2[], $2::uuid[], $3::uuid[])
            AS given (partition, payment_id, operation_id)
    ), ended AS (
        DELETE FROM claim USING given
        WHERE claim.partition = given.partition
            AND claim.payment_id = given.payment_id
            AND claim.operation_id = given.operation_id
    )
    DELETE FROM work_item AS item USING given
    WHERE item.partition = given.partition
        AND item.payment_id = given.payment_id
        AND item.operation_id = given.operation_id";

async fn close(connection: &mut PgConnection, changes: &[WorkChange]) -> sqlx::Result<()> {
    let rows = changes.iter().filter_map(|change| {
        let WorkChange::Close { partition, payment_id, operation_id } = *change else {
            return None;
        };
        Some((smallint(partition), payment_id.uuid(), operation_id.uuid()))
    });
    let (partitions, payments, operations): (Vec<_>, Vec<_>, Vec<_>) = rows.collect();
    if partitions.is_empty() {
        return Ok(());
    }
    sqlx::query(CLOSE).bind(partitions).bind(payments).bind(operations).execute(connection).await?;
    Ok(())
}

const EXPIRY: &str = "
    INSERT INTO expiry (due_at, partition, payment_id)
    SELECT * FROM unnest($1::timestamptz[], $2::int2[], $3::uuid[])
    ON CONFLICT DO NOTHING";

async fn expire(connection: &mut PgConnection, changes: &[WorkChange]) -> sqlx::Result<()> {
    let rows = changes.iter().filter_map(|change| {
        let WorkChange::Expiry(item) = change else { return None };
        Some((timestamptz(item.due_at), smallint(item.partition), item.payment_id.uuid()))
    });
    let (due, partitions, payments): (Vec<_>, Vec<_>, Vec<_>) = rows.collect();
    if partitions.is_empty() {
        return Ok(());
    }
    sqlx::query(EXPIRY).bind(due).bind(partitions).bind(payments).execute(connection).await?;
    Ok(())
}

pub(super) const RETRY_EXPIRY: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::timestamptz[], $2::int2[], $3::uuid[])
            AS given (due_at, partition, payment_id)
    ), ended AS (
        DELETE FROM expiry_waiting AS waiting USING given
        WHERE waiting.partition = given.partition AND waiting.payment_id = given.payment_id
        RETURNING given.due_at, given.partition, given.payment_id
    )
    INSERT INTO expiry (due_at, partition, payment_id)
    SELECT due_at, partition, payment_id FROM ended
    ON CONFLICT DO NOTHING";

async fn retry_expiries(connection: &mut PgConnection, changes: &[WorkChange]) -> sqlx::Result<()> {
    let rows = changes.iter().filter_map(|change| {
        let WorkChange::RetryExpiry(item) = change else { return None };
        Some((timestamptz(item.due_at), smallint(item.partition), item.payment_id.uuid()))
    });
    let (due, partitions, payments): (Vec<_>, Vec<_>, Vec<_>) = rows.collect();
    if partitions.is_empty() {
        return Ok(());
    }
    sqlx::query(RETRY_EXPIRY).bind(due).bind(partitions).bind(payments).execute(connection).await?;
    Ok(())
}
