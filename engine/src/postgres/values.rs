//! Values as Postgres's columns have them.

use chrono::{DateTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};

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

/// What a timestamptz holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `-infinity`, which is no time.
    Before,
    /// Microseconds since 1970-01-01 UTC.
    At(i64),
    /// `infinity`, which is no time either.
    Never,
}

/// What the server counts from, in microseconds since 1970: the first moment of 2000.
const EPOCH: i64 = 946_684_800_000_000;

impl Moment {
    /// From the server's binary form; `None` where that is no timestamptz.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Some(match bytes.try_into().map(i64::from_be_bytes).ok()? {
            i64::MIN => Self::Before,
            i64::MAX => Self::Never,
            micros => Self::At(micros.checked_add(EPOCH)?),
        })
    }

    /// `None` where it is no time.
    #[must_use]
    pub const fn finite(self) -> Option<Timestamp> {
        match self {
            Self::At(micros) => Some(Timestamp::from_micros(micros)),
            Self::Before | Self::Never => None,
        }
    }

    /// [`Timestamp::LAST`] where it is none.
    #[must_use]
    pub fn or_last(self) -> Timestamp {
        self.finite().unwrap_or(Timestamp::LAST)
    }
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

/// sqlx's own decoding to a [`DateTime`] panics at infinity.
impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Self::read(value.as_bytes()?).ok_or_else(|| "it is no binary timestamptz".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_is_no_time() {
        let read = |micros: i64| Moment::read(&micros.to_be_bytes()).unwrap();
        assert_eq!(read(0).finite(), Some("2000-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!((read(i64::MAX), read(i64::MAX).finite()), (Moment::Never, None));
        assert_eq!((read(i64::MIN), read(i64::MIN).finite()), (Moment::Before, None));
        assert_eq!(read(i64::MIN).or_last().to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Moment::read(&(i64::MAX - 1).to_be_bytes()), None);
        assert_eq!(Moment::read(b"2026"), None);
    }
}
