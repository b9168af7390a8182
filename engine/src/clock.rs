//! Time, injected: nothing else in the workspace reads the wall clock.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, UTC, in whole milliseconds since 1970-01-01; written as RFC 3339 with
/// exactly three digits of fraction and `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("format" = "date-time"))]
#[schemars(extend("pattern" = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"))]
pub struct Timestamp(i64);

/// The last instant RFC 3339 can write, 9999-12-31T23:59:59.999Z.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// 9999-12-31T23:59:59.999Z: no clock has shown it.
    pub const LAST: Self = Self(LAST_MS);

    /// Clamped to the years 1970 to 9999, so that writing it can never fail.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        let millis = if millis < 0 { 0 } else { millis };
        Self(if millis > LAST_MS { LAST_MS } else { millis })
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Microseconds since 1970-01-01 UTC, the unit of the SQLite stores.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0.saturating_mul(1_000)
    }

    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self::from_millis(micros.div_euclid(1_000))
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// The first one not before an RFC 3339 time, which may have more than three digits of fraction: `>=` and `<`
    /// say of it what they say of the time itself.
    ///
    /// # Errors
    /// When the text is no such time.
    pub fn not_before(text: &str) -> Result<Self, chrono::ParseError> {
        let at = DateTime::parse_from_rfc3339(text)?;
        let is_between = at.timestamp_subsec_nanos() % 1_000_000 > 0;
        Ok(Self::from_millis(at.timestamp_millis()).plus_millis(is_between.into()))
    }

    /// The calendar day in a zone `offset_minutes` east of UTC.
    #[must_use]
    pub fn date(self, offset_minutes: i32) -> Date {
        let local = self.plus_millis(i64::from(offset_minutes).saturating_mul(60_000));
        Date(local.to_chrono().date_naive())
    }

    fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC with three digits of fraction, as every year from 1970 to 9999 fits it.
type Written = [u8; 24];

impl Timestamp {
    /// Times stand several times in every event and answer, so they are not left to a formatter.
    fn written(self) -> Written {
        let at = self.to_chrono();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let (year, month, day) = (at.year().unsigned_abs(), at.month(), at.day());
        let fraction = at.timestamp_subsec_millis();
        for (last, digits, mut number) in [
            (3, 4, year),
            (6, 2, month),
            (9, 2, day),
            (12, 2, at.hour()),
            (15, 2, at.minute()),
            (18, 2, at.second()),
            (22, 3, fraction),
        ] {
            for place in (0..=last).rev().take(digits) {
                text[place] = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.written()).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from_millis(DateTime::parse_from_rfc3339(text)?.timestamp_millis()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = self.written();
        serializer.serialize_str(str::from_utf8(&written).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar day of the years 1 to 9999, written `2026-11-23` (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("format" = "date"))]
pub struct Date(NaiveDate);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The text is no day, or spells one in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-11-23")]
pub struct DateError;

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = NaiveDate::from_str(text).map_err(|_| DateError)?;
        let is_written_so = (1..=9999).contains(&date.year()) && date.to_string() == text;
        if is_written_so { Ok(Self(date)) } else { Err(DateError) }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present; it may step backwards, and nothing on the money path trusts it not to.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(std::time::Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(LAST_MS))
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// A clock that a test moves by hand.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

#[cfg(any(test, feature = "testing"))]
impl ManualClock {
    #[must_use]
    pub fn at(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(std::sync::atomic::AtomicI64::new(start.millis())))
    }

    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(any(test, feature = "testing"))]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_between_two_milliseconds_is_the_later_one() {
        let bound = |text: &str| Timestamp::not_before(text).unwrap().to_string();
        assert_eq!(bound("2026-11-26T10:00:00.0009Z"), "2026-11-26T10:00:00.001Z");
        assert_eq!(bound("2026-11-26T10:00:00.000999999+00:00"), "2026-11-26T10:00:00.001Z");
        assert_eq!(bound("2026-11-26T10:00:00.001000Z"), "2026-11-26T10:00:00.001Z");
        assert_eq!(bound("2026-11-26T10:00:00Z"), "2026-11-26T10:00:00.000Z");
        assert!(Timestamp::not_before("2026-11-26").is_err());
    }

    #[test]
    fn a_timestamp_is_written_with_three_digits_of_fraction() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        let parsed: Timestamp = "2026-11-23T10:00:00.5+01:00".parse().unwrap();
        assert_eq!(parsed.to_string(), "2026-11-23T09:00:00.500Z");
    }

    proptest::proptest! {
        #[test]
        fn every_timestamp_is_written_as_chrono_writes_it_and_read_back(millis in 0..=LAST_MS) {
            let timestamp = Timestamp::from_millis(millis);
            let expected =
                timestamp.to_chrono().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            proptest::prop_assert_eq!(timestamp.to_string(), expected.clone());
            proptest::prop_assert_eq!(serde_json::to_value(timestamp).unwrap(), expected.clone());
            proptest::prop_assert_eq!(expected.parse::<Timestamp>().unwrap(), timestamp);
        }
    }

    #[test]
    fn times_outside_rfc_3339_are_clamped() {
        assert_eq!(Timestamp::from_millis(-5).millis(), 0);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_day_has_one_spelling() {
        for bad in ["", "2026-1-23", "2026-11-31", "0000-01-01", "-0044-03-15", "+12026-11-23"] {
            assert_eq!(bad.parse::<Date>(), Err(DateError), "{bad:?}");
        }
        assert_eq!("2026-11-23".parse::<Date>().unwrap().to_string(), "2026-11-23");
    }

    #[test]
    fn the_settlement_day_follows_the_offset() {
        let late: Timestamp = "2026-11-23T23:30:00Z".parse().unwrap();
        assert_eq!(late.date(0).to_string(), "2026-11-23");
        assert_eq!(late.date(60).to_string(), "2026-11-24");
        assert_eq!(late.date(-24 * 60).to_string(), "2026-11-22");
    }
}
