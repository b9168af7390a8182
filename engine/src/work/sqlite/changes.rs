//! The fold's changes and cursors, each kind by one statement.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::super::{WorkChange, WorkItem};
use super::json::{self, Hex};
use crate::cursor::Cursor;
use crate::ids::{EventId, Partition};

pub(super) async fn cursors(
    readers: &SqlitePool,
    partitions: &[Partition],
) -> sqlx::Result<Vec<Cursor>> {
    let rows = sqlx::query(
        "SELECT partition, position, event_id FROM work_cursor
         WHERE position > 0 AND partition IN (SELECT value FROM json_each(?))",
    )
    .bind(json::partitions(partitions))
    .fetch_all(readers)
    .await?;
    let mut cursors = HashMap::with_capacity(rows.len());
    for row in &rows {
        let position: i64 = row.try_get("position")?;
        let event_id = EventId::from_uuid(json::id(row, "event_id")?);
        let cursor = Cursor { position: position.unsigned_abs(), event_id: Some(event_id) };
        cursors.insert(json::partition(row)?, cursor);
    }
    Ok(partitions.iter().map(|asked| cursors.remove(asked).unwrap_or_default()).collect())
}

/// `false` where a cursor did not stand where it was said to; the transaction must not be kept.
pub(super) async fn apply(
    writer: &mut SqliteConnection,
    changes: &[WorkChange],
    moves: &[(Partition, Cursor, Cursor)],
) -> sqlx::Result<bool> {
    if !move_cursors(writer, moves).await? {
        return Ok(false);
    }
    let retried = json::rows(changes.iter().filter_map(retried))?;
    for (statement, rows) in [
        (OPEN, json::rows(changes.iter().filter_map(opened))?),
        (INQUIRE, json::rows(changes.iter().filter_map(inquired))?),
        (CLOSE, json::rows(changes.iter().filter_map(closed))?),
        (END_CLAIM, json::rows(changes.iter().filter_map(closed))?),
        (EXPIRY, json::rows(changes.iter().filter_map(expiring))?),
        (RETRY_EXPIRY, retried.clone()),
        (END_WAITING, retried),
    ] {
        if let Some(rows) = rows {
            sqlx::query(statement).bind(rows).execute(&mut *writer).await?;
        }
    }
    Ok(true)
}

async fn move_cursors(
    writer: &mut SqliteConnection,
    moves: &[(Partition, Cursor, Cursor)],
) -> sqlx::Result<bool> {
    let starting = moves.iter().filter(|(_, from, _)| from.position == 0);
    if let Some(rows) = json::rows(starting.map(|(partition, ..)| (partition,)))? {
        sqlx::query(START_CURSOR).bind(rows).execute(&mut *writer).await?;
    }
    let rows = json::rows(moves.iter().map(|(partition, from, to)| {
        let id = |cursor: &Cursor| cursor.event_id.map(|id| Hex(id.uuid()));
        (partition, from.position, id(from), to.position, id(to))
    }))?;
    let Some(rows) = rows else { return Ok(true) };
    let moved = sqlx::query(MOVE_CURSOR).bind(rows).execute(writer).await?.rows_affected();
    Ok(usize::try_from(moved).is_ok_and(|moved| moved == moves.len()))
}

const START_CURSOR: &str = "
    INSERT INTO work_cursor (partition, position, event_id)
    SELECT value ->> 0, 0, NULL FROM json_each(?)
    WHERE true
    ON CONFLICT DO NOTHING";

const MOVE_CURSOR: &str = "
    UPDATE work_cursor
    SET position = row.value ->> 3, event_id = unhex(row.value ->> 4)
    FROM json_each(?) AS row
    WHERE work_cursor.partition = row.value ->> 0
        AND work_cursor.position = row.value ->> 1
        AND work_cursor.event_id IS unhex(row.value ->> 2)";

type ItemRow = (Partition, Hex, u32, Hex, &'static str, i64, u32, i64, u8);

fn opened(change: &WorkChange) -> Option<ItemRow> {
    let WorkChange::Open(item) = change else { return None };
    let WorkItem { partition, payment_id, operation_id, verb, version, .. } = *item;
    Some((
        partition,
        Hex(payment_id.uuid()),
        version,
        Hex(operation_id.uuid()),
        verb.as_str(),
        item.due_at.micros(),
        item.attempts,
        item.opened_at.micros(),
        u8::from(item.flagged),
    ))
}

const OPEN: &str = "
    INSERT INTO work_item (
        partition, payment_id, version, operation_id, verb, due_at, attempts, opened_at, flagged
    )
    SELECT value ->> 0, unhex(value ->> 1), value ->> 2, unhex(value ->> 3), value ->> 4,
        value ->> 5, value ->> 6, value ->> 7, value ->> 8
    FROM json_each(?)
    WHERE true
    ON CONFLICT DO NOTHING";

fn inquired(change: &WorkChange) -> Option<(Partition, Hex, Hex, i64)> {
    let WorkChange::Inquire { partition, payment_id, operation_id, due_at } = *change else {
        return None;
    };
    Some((partition, Hex(payment_id.uuid()), Hex(operation_id.uuid()), due_at.micros()))
}

pub(super) const INQUIRE: &str = "
    UPDATE work_item
    SET due_at = row.value ->> 3, attempts = attempts + 1
    FROM json_each(?) AS row
    WHERE work_item.partition = row.value ->> 0
        AND work_item.payment_id = unhex(row.value ->> 1)
        AND work_item.operation_id = unhex(row.value ->> 2)";

fn closed(change: &WorkChange) -> Option<(Partition, Hex, Hex)> {
    let WorkChange::Close { partition, payment_id, operation_id } = *change else { return None };
    Some((partition, Hex(payment_id.uuid()), Hex(operation_id.uuid())))
}

pub(super) const CLOSE: &str = "
    DELETE FROM work_item WHERE (partition, payment_id, version) IN (
        SELECT item.partition, item.payment_id, item.version
        FROM json_each(?) AS row
        CROSS JOIN work_item AS item ON item.partition = row.value ->> 0
            AND item.payment_id = unhex(row.value ->> 1)
            AND item.operation_id = unhex(row.value ->> 2)
    )";

pub(super) const END_CLAIM: &str = "
    DELETE FROM claim WHERE (partition, payment_id) IN (
        SELECT held.partition, held.payment_id
        FROM json_each(?) AS row
        CROSS JOIN claim AS held ON held.partition = row.value ->> 0
            AND held.payment_id = unhex(row.value ->> 1)
            AND held.operation_id = unhex(row.value ->> 2)
    )";

fn expiring(change: &WorkChange) -> Option<(i64, Partition, Hex)> {
    let WorkChange::Expiry(item) = change else { return None };
    Some((item.due_at.micros(), item.partition, Hex(item.payment_id.uuid())))
}

const EXPIRY: &str = "
    INSERT INTO expiry (due_at, partition, payment_id)
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?)
    WHERE true
    ON CONFLICT DO NOTHING";

fn retried(change: &WorkChange) -> Option<(i64, Partition, Hex)> {
    let WorkChange::RetryExpiry(item) = change else { return None };
    Some((item.due_at.micros(), item.partition, Hex(item.payment_id.uuid())))
}

pub(super) const RETRY_EXPIRY: &str = "
    INSERT INTO expiry (due_at, partition, payment_id)
    SELECT row.value ->> 0, waiting.partition, waiting.payment_id
    FROM json_each(?) AS row
    CROSS JOIN expiry_waiting AS waiting ON waiting.partition = row.value ->> 1
        AND waiting.payment_id = unhex(row.value ->> 2)
    WHERE true
    ON CONFLICT DO NOTHING";

const END_WAITING: &str = "
    DELETE FROM expiry_waiting WHERE (partition, payment_id) IN (
        SELECT value ->> 1, unhex(value ->> 2) FROM json_each(?)
    )";
