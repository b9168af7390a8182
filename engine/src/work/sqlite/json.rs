//! Parameters and columns: a batch goes to SQLite as one JSON array that `json_each` unfolds, its
//! ids in hex.

use serde::{Serialize, Serializer};
use sqlx::Row;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::ids::Partition;

/// An id as 32 hex digits, which `unhex` makes 16 bytes of.
pub(super) struct Hex(pub(super) Uuid);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.as_simple())
    }
}

/// One array for each row; `None` where there are no rows, and so nothing to do.
pub(super) fn rows<T: Serialize>(rows: impl Iterator<Item = T>) -> sqlx::Result<Option<String>> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut json = serde_json::Serializer::new(&mut text);
    json.collect_seq(rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    String::from_utf8(text).map(Some).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn partitions(partitions: &[Partition]) -> String {
    let numbers: Vec<_> = partitions.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
}

pub(super) fn id(row: &SqliteRow, column: &'static str) -> sqlx::Result<Uuid> {
    let bytes: &[u8] = row.try_get(column)?;
    Uuid::from_slice(bytes).map_err(|error| damaged(column, error))
}

pub(super) fn partition(row: &SqliteRow) -> sqlx::Result<Partition> {
    row.try_get("partition").map(Partition::new)
}

pub(super) fn time(row: &SqliteRow, column: &'static str) -> sqlx::Result<Timestamp> {
    row.try_get(column).map(Timestamp::from_micros)
}

pub(super) fn damaged(column: &str, source: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
