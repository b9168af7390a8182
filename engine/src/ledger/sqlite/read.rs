//! Reading: every question is one statement on a connection of the reader pool.

use std::fmt::Write as _;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::super::{Head, Recorded, StoreError, Stretch, stored_text};
use super::STORE;
use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName};
use crate::ids::{EventId, Partition, PaymentId};
use crate::sqlite::{Database, gathered};

/// The columns that [`recorded`] takes, of `event e`.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.partition, e.position, e.payment_id, e.version, e.event_id, e.type, e.data,
                 e.traceparent, e.recorded_at ",
            $rest
        )
    };
}

pub(super) async fn load(
    database: &Database,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Vec<Recorded>, StoreError> {
    let rows = sqlx::query(select_events!(
        "FROM event e WHERE e.partition = ? AND e.payment_id = ? ORDER BY e.version"
    ))
    .bind(partition.number())
    .bind(payment_id.uuid().into_bytes().to_vec())
    .map(|row| recorded(&row))
    .fetch_all(database.readers())
    .await
    .map_err(|error| database.unavailable(&error))?;
    rows.into_iter().collect()
}

pub(super) async fn texts(
    database: &Database,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Vec<EventText>, StoreError> {
    let rows = sqlx::query(
        "SELECT version, name, salt, text FROM event_text
         WHERE partition = ? AND payment_id = ? ORDER BY version, name",
    )
    .bind(partition.number())
    .bind(payment_id.uuid().into_bytes().to_vec())
    .fetch_all(database.readers())
    .await
    .map_err(|error| database.unavailable(&error))?;
    rows.iter().map(event_text).collect()
}

pub(super) async fn texts_of(
    database: &Database,
    payments: impl Iterator<Item = (Partition, PaymentId)>,
) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
    let wanted: Vec<_> = payments
        .map(|(partition, id)| format!("[{partition},\"{}\"]", id.uuid().simple()))
        .collect();
    let rows = sqlx::query(
        "SELECT t.version, t.name, t.salt, t.text, t.payment_id
         FROM json_each(?) w CROSS JOIN event_text t
         WHERE t.partition = w.value ->> 0 AND t.payment_id = unhex(w.value ->> 1)
         ORDER BY t.partition, t.payment_id, t.version, t.name",
    )
    .bind(format!("[{}]", wanted.join(",")))
    .fetch_all(database.readers())
    .await
    .map_err(|error| database.unavailable(&error))?;
    rows.iter().map(|row| Ok((payment_id(row, 4)?, event_text(row)?))).collect()
}

pub(super) async fn read(
    database: &Database,
    stretches: &[Stretch],
) -> Result<Vec<Recorded>, StoreError> {
    let rows = sqlx::query(select_events!(
        "FROM json_each(?) s CROSS JOIN event e ON e.partition = s.value ->> 0
             AND e.position BETWEEN s.value ->> 1 AND s.value ->> 2"
    ))
    .bind(json_stretches(stretches))
    .map(|row| recorded(&row))
    .fetch_all(database.readers())
    .await
    .map_err(|error| database.unavailable(&error))?;
    let mut events = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    // In this order already where the stretches are, which a merge sort notices.
    events.sort_by_key(|event| (event.partition, event.position));
    events.dedup_by_key(|event| (event.partition, event.position));
    Ok(events)
}

fn json_stretches(stretches: &[Stretch]) -> String {
    let mut json = String::from("[");
    for (index, stretch) in stretches.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let Stretch { partition, from, .. } = stretch;
        // Writing to a String can't fail.
        let _ = write!(json, "{separator}[{partition},{from},{}]", stretch.last());
    }
    json.push(']');
    json
}

pub(super) async fn read_by_payment(
    database: &Database,
    partition: Partition,
    after: Option<(PaymentId, u32)>,
    limit: u32,
) -> Result<Vec<Recorded>, StoreError> {
    // No payment's id is as short as the empty one, so all come after it.
    let (id, version) = after.map_or_else(Default::default, |(payment_id, version)| {
        (payment_id.uuid().into_bytes().to_vec(), version)
    });
    let reading = sqlx::query(select_events!(
        "FROM event e WHERE e.partition = ? AND (e.payment_id, e.version) > (?, ?)
         ORDER BY e.payment_id, e.version LIMIT ?"
    ))
    .bind(partition.number())
    .bind(id)
    .bind(version)
    .bind(limit)
    .map(|row| recorded(&row))
    .fetch_all(database.readers());
    let rows = gathered(reading).await.map_err(|error| database.unavailable(&error))?;
    rows.into_iter().collect()
}

pub(super) async fn heads(database: &Database) -> Result<Vec<Head>, StoreError> {
    let rows = sqlx::query("SELECT partition, head FROM ledger_partition ORDER BY partition")
        .fetch_all(database.readers())
        .await
        .map_err(|error| database.unavailable(&error))?;
    rows.iter()
        .map(|row| Ok(Head { partition: partition(row, 0)?, position: unsigned(row, 1)? }))
        .collect()
}

fn recorded(row: &SqliteRow) -> Result<Recorded, StoreError> {
    let damaged = |error: sqlx::Error| damaged(&error);
    Ok(Recorded {
        partition: partition(row, 0)?,
        position: unsigned(row, 1)?,
        payment_id: payment_id(row, 2)?,
        version: row.try_get(3).map_err(damaged)?,
        event_id: event_id(row, 4)?,
        event_type: stored_text(row.try_get(5).map_err(damaged)?),
        data: stored_text(row.try_get(6).map_err(damaged)?),
        traceparent: row.try_get::<Option<&[u8]>, _>(7).map_err(damaged)?.map(stored_text),
        recorded_at: Timestamp::from_micros(row.try_get(8).map_err(damaged)?),
    })
}

fn event_text(row: &SqliteRow) -> Result<EventText, StoreError> {
    let damaged = |error: sqlx::Error| damaged(&error);
    let name: &str = row.try_get(1).map_err(damaged)?;
    let salt: Option<&[u8]> = row.try_get(2).map_err(damaged)?;
    let cause = |cause: String| StoreError::Damaged { store: STORE, cause };
    Ok(EventText {
        version: row.try_get(0).map_err(damaged)?,
        name: TextName::parse(name).ok_or_else(|| cause(format!("it has a text {name:?}")))?,
        salt: salt.map(TryInto::try_into).transpose().map_err(|_| cause("a salt".into()))?,
        text: row.try_get::<Option<&[u8]>, _>(3).map_err(damaged)?.map(stored_text),
    })
}

/// The error of a value that is not of its column's kind.
pub(super) fn damaged(error: &sqlx::Error) -> StoreError {
    StoreError::Damaged { store: STORE, cause: error.to_string() }
}

fn partition(row: &SqliteRow, column: usize) -> Result<Partition, StoreError> {
    row.try_get(column).map(Partition::new).map_err(|error| damaged(&error))
}

/// A position or a head.
pub(super) fn unsigned(row: &SqliteRow, column: usize) -> Result<u64, StoreError> {
    let number: i64 = row.try_get(column).map_err(|error| damaged(&error))?;
    u64::try_from(number).map_err(|error| StoreError::Damaged {
        store: STORE,
        cause: format!("position {number}: {error}"),
    })
}

pub(super) fn payment_id(row: &SqliteRow, column: usize) -> Result<PaymentId, StoreError> {
    uuid(row, column).map(PaymentId::from_uuid)
}

pub(super) fn event_id(row: &SqliteRow, column: usize) -> Result<EventId, StoreError> {
    uuid(row, column).map(EventId::from_uuid)
}

fn uuid(row: &SqliteRow, column: usize) -> Result<Uuid, StoreError> {
    let bytes: &[u8] = row.try_get(column).map_err(|error| damaged(&error))?;
    Uuid::from_slice(bytes)
        .map_err(|error| StoreError::Damaged { store: STORE, cause: error.to_string() })
}
