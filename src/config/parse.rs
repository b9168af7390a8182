//! From text to checked values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use daybook_engine::postgres::DatabaseUrl;
use tracing_subscriber::filter::Targets;

use super::sources::{Origin, SettingError, Sources};
use super::{LogFormat, Role};
use daybook_engine::broker::topic::TopicName;
use daybook_relay::kafka::KafkaOptions;

/// The longest of the short waits, and of the long ones.
const DAY_MS: u64 = 86_400_000;
const YEAR_S: u64 = 31_536_000;

/// Reads settings one by one and remembers every error.
pub(super) struct Reader<'a> {
    sources: &'a Sources,
    errors: Vec<SettingError>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(sources: &'a Sources) -> Self {
        Self { sources, errors: Vec::new() }
    }

    /// The setting, or its type's empty value where it is wrong (then [`Reader::finish`] fails).
    pub(super) fn value<T: Empty>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.optional(name, parse).unwrap_or_else(T::empty)
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, origin) = self.sources.find(name)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(cause) => {
                // Some may hold a password, which must not get into a log.
                let is_secret = name.ends_with("-url") || name == "kafka-option";
                let cause = if is_secret { cause } else { format!("{cause}, not {text:?}") };
                self.errors.push(SettingError { name: name.to_owned(), origin, cause });
                None
            }
        }
    }

    /// Remembers that a setting can't stand as it is beside the others.
    pub(super) fn refuse(&mut self, name: &str, cause: &str) {
        let origin = self.sources.find(name).map_or(Origin::Default, |(_, origin)| origin);
        let (name, cause) = (name.to_owned(), cause.to_owned());
        self.errors.push(SettingError { name, origin, cause });
    }

    pub(super) fn millis(&mut self, name: &str) -> Duration {
        Duration::from_millis(self.value(name, |text| within(text, 0, DAY_MS)))
    }

    /// As [`Reader::millis`], and never zero.
    pub(super) fn some_millis(&mut self, name: &str) -> Duration {
        Duration::from_millis(self.value(name, |text| within(text, 1, DAY_MS)))
    }

    pub(super) fn seconds(&mut self, name: &str) -> Duration {
        Duration::from_secs(self.value(name, |text| within(text, 0, YEAR_S)))
    }

    pub(super) fn finish<T>(self, config: T) -> Result<T, Vec<SettingError>> {
        if self.errors.is_empty() { Ok(config) } else { Err(self.errors) }
    }
}

/// What stands for a value that could not be read, until the errors are reported.
pub(super) trait Empty {
    fn empty() -> Self;
}

macro_rules! empty {
    ($($type:ty => $value:expr,)*) => {
        $(impl Empty for $type {
            fn empty() -> Self {
                $value
            }
        })*
    };
}

empty! {
    bool => false,
    u16 => 0,
    u32 => 0,
    u64 => 0,
    i32 => 0,
    i64 => 0,
    usize => 0,
    (u64, u64) => (0, 0),
    SocketAddr => SocketAddr::from(([127, 0, 0, 1], 0)),
    PathBuf => PathBuf::new(),
    Vec<Role> => Vec::new(),
    Vec<Duration> => Vec::new(),
    Targets => Targets::new(),
    LogFormat => LogFormat::Text,
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

fn within<T: FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    min: T,
    max: T,
) -> Result<T, String> {
    let found = number::<T>(text).ok().filter(|number| *number >= min && *number <= max);
    found.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

pub(super) fn at_least<const MIN: usize>(text: &str) -> Result<usize, String> {
    within(text, MIN, 10_000_000)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address and a port such as 127.0.0.1:8080".to_owned())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must name a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn partitions(text: &str) -> Result<u16, String> {
    within(text, 1, 1024)
}

pub(super) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    text.parse()
}

pub(super) fn pool_max(text: &str) -> Result<u32, String> {
    within(text, 1, 1000)
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    within(text, 1, 10_000_000)
}

pub(super) fn percent(text: &str) -> Result<u32, String> {
    within(text, 1, 100)
}

pub(super) fn brokers(text: &str) -> Result<String, String> {
    let is_address = |broker: &str| {
        let address = broker.trim().rsplit_once(':');
        address.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if text.split(',').all(is_address) {
        Ok(text.to_owned())
    } else {
        Err("must be HOST:PORT, several by commas".to_owned())
    }
}

pub(super) fn topic(text: &str) -> Result<TopicName, String> {
    text.parse()
}

pub(super) fn kafka_options(text: &str) -> Result<KafkaOptions, String> {
    text.parse()
}

pub(super) fn replication_factor(text: &str) -> Result<u16, String> {
    within(text, 1, 100)
}

pub(super) fn basis_points(text: &str) -> Result<u16, String> {
    within(text, 0, 10_000)
}

pub(super) fn offset_minutes(text: &str) -> Result<i32, String> {
    within(text, -720, 840)
}

pub(super) fn lifetime_ms(text: &str) -> Result<i64, String> {
    Ok(within::<i64>(text, 1, 31_536_000)?.saturating_mul(1_000))
}

/// One number, or `MIN..MAX`.
pub(super) fn range(text: &str) -> Result<(u64, u64), String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let bounds = number::<u64>(min).ok().zip(number::<u64>(max).ok());
    bounds
        .filter(|(min, max)| min <= max)
        .ok_or_else(|| "must be one whole number, or MIN..MAX".to_owned())
}

pub(super) fn schedule(text: &str) -> Result<Vec<Duration>, String> {
    let delays: Option<Vec<_>> = text
        .split(',')
        .map(|delay| number::<u64>(delay.trim()).ok().filter(|delay| *delay > 0))
        .map(|delay| delay.map(Duration::from_millis))
        .collect();
    delays.ok_or_else(|| "must be whole numbers above 0, by commas".to_owned())
}

pub(super) fn roles(text: &str) -> Result<Vec<Role>, String> {
    let role = |name: &str| match name.trim() {
        "api" => Some(Role::Api),
        "workers" => Some(Role::Workers),
        "projections" => Some(Role::Projections),
        "relay" => Some(Role::Relay),
        _ => None,
    };
    let roles: Option<Vec<_>> = text.split(',').map(role).collect();
    roles.ok_or_else(|| "must be api, workers, projections or relay, by commas".to_owned())
}

pub(super) fn log_filter(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|_| "must be a level such as info, or TARGET=LEVEL by commas".to_owned())
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}
