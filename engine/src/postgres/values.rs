//! Values as Postgres's columns have them.

use chrono::{DateTime, Utc};

use crate::clock::Timestamp;
use crate::ids::Partition;

/// A partition; a number that no ledger has stays one.
#[must_use]
pub fn smallint(partition: Partition) -> i16 {
    i16::try_from(partition.number()).unwrap_or(i16::MAX)
}

/// A position or a count.
#[must_use]
pub fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[must_use]
pub fn timestamptz(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A time that was read.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_millis(at.timestamp_millis())
}
