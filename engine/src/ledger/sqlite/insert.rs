//! The statements of an append. Rows travel as one JSON text, and all statements as one text: each
//! trip to the connection's thread costs two context switches, more than SQLite needs for a row.

use serde::Serialize;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use uuid::Uuid;

use super::super::{Append, NewEvent};
use crate::ids::Partition;

/// An event with everything its row needs.
#[derive(Clone, Copy)]
pub(super) struct EventRow<'a> {
    partition: Partition,
    position: u64,
    version: u32,
    append: &'a Append,
    event: &'a NewEvent,
}

pub(super) fn push_rows<'a>(
    rows: &mut Vec<EventRow<'a>>,
    append: &'a Append,
    partition: Partition,
    first: u64,
) {
    let numbered = (first..).zip(append.versions());
    rows.extend(numbered.map(|(position, (version, event))| EventRow {
        partition,
        position,
        version,
        append,
        event,
    }));
}

macro_rules! statements {
    ($($before:literal)? ; $($after:expr)?) => {
        concat!(
            $($before,)?
            "INSERT OR ROLLBACK INTO event (partition, position, payment_id, version, event_id, \
             type, data, traceparent, recorded_at)
             SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, unhex(value ->> 4), \
                value ->> 5, value ->> 6, value ->> 7, value ->> 8
             FROM json_each(?1);
             UPDATE OR ROLLBACK ledger_partition SET head = h.value ->> 1
             FROM json_each(?2) h WHERE partition = h.value ->> 0;",
            $($after,)?
            "COMMIT"
        )
    };
}

macro_rules! texts {
    () => {
        "INSERT OR ROLLBACK INTO event_text (partition, payment_id, version, name, salt, text)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, unhex(value ->> 4), \
            value ->> 5
         FROM json_each(?3);"
    };
}

const WHOLE: &str = statements!("BEGIN IMMEDIATE;" ;);
const WHOLE_WITH_TEXTS: &str = statements!("BEGIN IMMEDIATE;" ; texts!());
const REST: &str = statements!(;);
const REST_WITH_TEXTS: &str = statements!(; texts!());

/// Writes events, texts and heads in a transaction of their own.
pub(super) async fn whole(
    writer: &mut SqliteConnection,
    rows: &[EventRow<'_>],
    written: &[&Append],
    partitions: u16,
    heads: String,
) -> Result<(), sqlx::Error> {
    write(writer, [WHOLE, WHOLE_WITH_TEXTS], rows, written, partitions, heads).await
}

/// Writes events, texts and heads in the open transaction, and commits it.
pub(super) async fn rest(
    writer: &mut SqliteConnection,
    rows: &[EventRow<'_>],
    written: &[&Append],
    partitions: u16,
    heads: String,
) -> Result<(), sqlx::Error> {
    write(writer, [REST, REST_WITH_TEXTS], rows, written, partitions, heads).await
}

async fn write(
    writer: &mut SqliteConnection,
    [without_texts, with_texts]: [&'static str; 2],
    rows: &[EventRow<'_>],
    written: &[&Append],
    partitions: u16,
    heads: String,
) -> Result<(), sqlx::Error> {
    let events = json(rows.iter().map(event_cells))?;
    let has_texts = written.iter().any(|append| !append.texts.is_empty());
    let query: Query<'_, Sqlite, SqliteArguments> =
        sqlx::query(if has_texts { with_texts } else { without_texts });
    let query = query.bind(events).bind(heads);
    let query = if has_texts {
        let texts = written.iter().flat_map(|append| text_cells(append, partitions));
        query.bind(json(texts)?)
    } else {
        query
    };
    query.execute(writer).await.map(|_| ())
}

/// The cells of a row, in the order of the statement's columns.
fn event_cells<'a>(row: &EventRow<'a>) -> impl Serialize + use<'a> {
    (
        row.partition,
        row.position,
        hex(row.append.payment_id.uuid()),
        row.version,
        hex(row.event.event_id.uuid()),
        row.event.event_type,
        row.event.data.as_str(),
        row.append.traceparent.as_deref(),
        row.append.recorded_at.micros(),
    )
}

fn text_cells(append: &Append, partitions: u16) -> impl Iterator<Item = impl Serialize> {
    append.texts.iter().map(move |text| {
        (
            append.payment_id.partition(partitions),
            hex(append.payment_id.uuid()),
            append.first_version,
            text.name,
            hex(Uuid::from_bytes(text.salt)),
            text.text.as_ref(),
        )
    })
}

fn hex(bytes: Uuid) -> uuid::fmt::Simple {
    bytes.simple()
}

fn json(rows: impl Iterator<Item = impl Serialize>) -> Result<String, sqlx::Error> {
    let rows: Vec<_> = rows.collect();
    serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Whether a unique key or a trigger of the schema refused a row.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    const SQLITE_CONSTRAINT: i32 = 19;
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_CONSTRAINT)
}
