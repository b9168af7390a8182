//! Inserting many rows in few statements. Parameters bound one by one take a quarter less of the
//! processor than one JSON text that SQLite takes apart (256 rows of 500 bytes: 13 and 18 µs each).

use std::sync::{Arc, LazyLock};

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Sqlite};

use super::super::{Append, NewEvent};
use crate::ids::Partition;

/// An event with everything its row needs.
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

/// Rows a statement: powers of two, so that few statements serve every size of batch.
const CHUNKS: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// The statements that insert as many rows as [`CHUNKS`] says.
fn statements(into: &str, row: &str) -> [Arc<str>; CHUNKS.len()] {
    CHUNKS.map(|rows| format!("{into} VALUES {}", vec![row; rows].join(",")).into())
}

static INSERT_EVENTS: LazyLock<[Arc<str>; CHUNKS.len()]> = LazyLock::new(|| {
    statements(
        "INSERT INTO event (partition, position, payment_id, version, event_id, type, data, \
         traceparent, recorded_at)",
        "(?,?,?,?,?,?,?,?,?)",
    )
});

static INSERT_TEXTS: LazyLock<[Arc<str>; CHUNKS.len()]> = LazyLock::new(|| {
    statements(
        "INSERT INTO event_text (partition, payment_id, version, name, salt, text)",
        "(?,?,?,?,?,?)",
    )
});

type Bound = Query<'static, Sqlite, SqliteArguments>;

async fn insert<T>(
    tx: &mut SqliteConnection,
    statements: &[Arc<str>; CHUNKS.len()],
    mut rows: &[T],
    bind: impl Fn(Bound, &T) -> Bound,
) -> Result<(), sqlx::Error> {
    for (chunk, statement) in CHUNKS.into_iter().zip(statements) {
        while let Some((now, rest)) = rows.split_at_checked(chunk) {
            let query = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
            now.iter().fold(query, &bind).execute(&mut *tx).await?;
            rows = rest;
        }
    }
    Ok(())
}

pub(super) async fn insert_events(
    tx: &mut SqliteConnection,
    rows: &[EventRow<'_>],
) -> Result<(), sqlx::Error> {
    insert(tx, &INSERT_EVENTS, rows, |query, row| {
        query
            .bind(row.partition.number())
            .bind(row.position.cast_signed())
            .bind(row.append.payment_id.uuid().into_bytes().to_vec())
            .bind(row.version)
            .bind(row.event.event_id.uuid().into_bytes().to_vec())
            .bind(row.event.event_type)
            .bind(row.event.data.clone())
            .bind(row.append.traceparent.clone())
            .bind(row.append.recorded_at.micros())
    })
    .await
}

pub(super) async fn insert_texts(
    tx: &mut SqliteConnection,
    partitions: u16,
    written: &[&Append],
) -> Result<(), sqlx::Error> {
    let texts = written.iter().flat_map(|append| append.texts.iter().map(|text| (*append, text)));
    let texts: Vec<_> = texts.collect();
    insert(tx, &INSERT_TEXTS, &texts, |query, (append, text)| {
        query
            .bind(append.payment_id.partition(partitions).number())
            .bind(append.payment_id.uuid().into_bytes().to_vec())
            .bind(append.first_version)
            .bind(text.name.as_str())
            .bind(text.salt.to_vec())
            .bind(Arc::clone(&text.text))
    })
    .await
}

/// Whether a unique key or a trigger of the schema refused the row.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    const SQLITE_CONSTRAINT: i32 = 19;
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_CONSTRAINT)
}
