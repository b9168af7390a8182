//! Parameters and columns: a batch goes to Postgres as one typed array for each column, that
//! `unnest` makes rows of.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::ids::Partition;

pub(crate) fn partitions(partitions: &[Partition]) -> Vec<i16> {
    partitions.iter().copied().map(number).collect()
}

/// No ledger has more partitions than the column can count.
pub(crate) fn number(partition: Partition) -> i16 {
    i16::try_from(partition.number()).unwrap_or(i16::MAX)
}

/// A version or a count of attempts.
pub(crate) fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(crate) fn instant(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.millis()).unwrap_or(DateTime::UNIX_EPOCH)
}

pub(crate) fn partition(row: &PgRow) -> sqlx::Result<Partition> {
    partition_of(row.try_get("partition")?)
}

pub(crate) fn partition_of(number: i16) -> sqlx::Result<Partition> {
    u16::try_from(number).map(Partition::new).map_err(|error| damaged("partition", error))
}

pub(crate) fn count(row: &PgRow, column: &'static str) -> sqlx::Result<u32> {
    let count: i32 = row.try_get(column)?;
    u32::try_from(count).map_err(|error| damaged(column, error))
}

pub(crate) fn id(row: &PgRow, column: &'static str) -> sqlx::Result<Uuid> {
    row.try_get(column)
}

pub(crate) fn time(row: &PgRow, column: &'static str) -> sqlx::Result<Timestamp> {
    let time: DateTime<Utc> = row.try_get(column)?;
    Ok(Timestamp::from_millis(time.timestamp_millis()))
}

pub(crate) fn damaged(column: &str, source: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
