//! Parameters and columns: a batch goes to Postgres as one typed array for each column, that
//! `unnest` makes rows of.

use sqlx::Row;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::ids::Partition;
use crate::postgres::values::{Moment, smallint};

pub(crate) fn partitions(partitions: &[Partition]) -> Vec<i16> {
    partitions.iter().copied().map(smallint).collect()
}

/// A version or a count of attempts.
pub(crate) fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
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
    row.try_get(column).map(Moment::or_last)
}

pub(crate) fn damaged(column: &str, source: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
