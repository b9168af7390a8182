//! Settings: each is a flag, an environment variable and a key of one TOML file, and the flag
//! beats the environment, which beats the file.

mod kafka;
mod parse;
mod settings;
mod sources;

pub(crate) use kafka::Kafka;
pub(crate) use settings::{SETTINGS, Setting};
pub(crate) use sources::{SettingError, Sources};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use daybook_engine::acquirer::AcquirerLimits;
use daybook_engine::acquirer::breaker::BreakerSettings;
use daybook_engine::acquirer::http::{Endpoint, HttpSettings, Trust};
use daybook_engine::acquirer::simulator::{Rates, SimulatorSettings};
use daybook_engine::engine::EngineSettings;
use daybook_engine::payment::Terms;
use daybook_engine::postgres::{DatabaseUrl, PostgresSettings};
use daybook_engine::seal::SealerSettings;
use daybook_engine::work::InquirySchedule;
use daybook_engine::workers::WorkerSettings;

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Api,
    Workers,
    Projections,
    Relay,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The databases of a process on Postgres.
#[derive(Clone, Debug)]
pub(crate) struct Databases {
    pub(crate) ledger: PostgresSettings,
    pub(crate) views: PostgresSettings,
}

impl Databases {
    fn read(reader: &mut parse::Reader<'_>) -> Option<Self> {
        let url = reader.optional("database-url", parse::database_url);
        let views_url = reader.optional("views-url", parse::database_url);
        let settings = |url: DatabaseUrl, reader: &mut parse::Reader<'_>| PostgresSettings {
            url,
            pool_max: reader.value("database-pool-max", parse::pool_max),
            connect_timeout: reader.some_millis("database-connect-timeout-ms"),
            statement_timeout: reader.some_millis("database-statement-timeout-ms"),
            lock_timeout: reader.some_millis("database-lock-timeout-ms"),
            idle_in_transaction_timeout: reader
                .some_millis("database-idle-in-transaction-timeout-ms"),
        };
        let Some(url) = url else {
            if views_url.is_some() {
                reader
                    .refuse("views-url", "needs --database-url: without it views stand in SQLite");
            }
            return None;
        };
        let ledger = settings(url, reader);
        let views = PostgresSettings {
            url: views_url.unwrap_or_else(|| ledger.url.clone()),
            ..ledger.clone()
        };
        Some(Self { ledger, views })
    }
}

/// Every setting, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    /// `None`: everything stands in the data directory.
    pub(crate) databases: Option<Databases>,
    /// `None`: nothing is published.
    pub(crate) kafka: Option<Kafka>,
    /// Bring the schema up to date before serving.
    pub(crate) migrate: bool,
    pub(crate) partitions: Option<u16>,
    pub(crate) roles: Vec<Role>,
    pub(crate) log: tracing_subscriber::filter::Targets,
    pub(crate) log_format: LogFormat,
    pub(crate) engine: EngineSettings,
    pub(crate) workers: WorkerSettings,
    pub(crate) sealer: SealerSettings,
    pub(crate) simulator: SimulatorSettings,
    /// `None`: the simulator in this process.
    pub(crate) acquirer: Option<HttpSettings>,
    pub(crate) connections_max: usize,
    pub(crate) wait: Duration,
    pub(crate) wait_max: Duration,
    pub(crate) drain: Duration,
}

impl Config {
    /// Reads every setting from its sources.
    ///
    /// # Errors
    /// All settings that are wrong, each with where it came from.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Vec<SettingError>> {
        let mut reader = parse::Reader::new(sources);
        let limits = AcquirerLimits {
            call: reader.some_millis("acquirer-timeout-ms"),
            send_window: reader.some_millis("acquirer-send-window-ms"),
            processing: reader.millis("acquirer-processing-ms"),
            key_lifetime: reader.seconds("acquirer-key-lifetime-s"),
        };
        let connections_max = reader.value("connections-max", parse::at_least::<1>);
        let kafka = Kafka::read(&mut reader);
        let roles = read_roles(&mut reader, kafka.is_some());
        let config = Self {
            listen: reader.value("listen", parse::address),
            data_dir: reader.value("data-dir", parse::path),
            databases: Databases::read(&mut reader),
            kafka,
            migrate: reader.value("migrate", parse::truth),
            partitions: reader.optional("partitions", parse::partitions),
            roles,
            log: reader.value("log", parse::log_filter),
            log_format: reader.value("log-format", parse::log_format),
            engine: EngineSettings {
                queue_max: reader.value("queue-max", parse::at_least::<2>),
                // An operation waits on when its client has gone, so there may be more than clients.
                waiting_max: connections_max.saturating_mul(2),
                cache_max: reader.value("cache-max", parse::at_least::<1>),
                has_writer_thread: true,
                terms: Terms {
                    fee_bps: reader.value("fee-bps", parse::basis_points),
                    expires_after_ms: reader.value("authorization-lifetime-s", parse::lifetime_ms),
                    settlement_offset_minutes: reader
                        .value("settlement-utc-offset-minutes", parse::offset_minutes),
                },
                limits,
            },
            workers: WorkerSettings {
                concurrency_max: reader.value("worker-concurrency", parse::at_least::<1>),
                limits,
                schedule: InquirySchedule::new(
                    &reader.value("inquiry-schedule-ms", parse::schedule),
                    reader.seconds("flag-after-s"),
                )
                .unwrap_or_default(),
            },
            sealer: SealerSettings {
                every: reader.some_millis("seal-every-ms"),
                events: reader.value("seal-events", parse::count).into(),
            },
            simulator: SimulatorSettings {
                seed: reader.value("simulator-seed", parse::number),
                latency_ms: reader.value("simulator-latency-ms", parse::range),
                rates: Rates {
                    decline: reader.value("simulator-decline-bps", parse::basis_points),
                    error: reader.value("simulator-error-bps", parse::basis_points),
                    unknown: reader.value("simulator-unknown-bps", parse::basis_points),
                    late: reader.value("simulator-late-bps", parse::basis_points),
                    duplicate: reader.value("simulator-duplicate-bps", parse::basis_points),
                },
                call_limit: limits.call,
            },
            acquirer: http_settings(&mut reader, limits.call),
            connections_max,
            wait: reader.millis("wait-ms"),
            wait_max: reader.seconds("wait-max-s"),
            drain: reader.millis("drain-ms"),
        };
        reader.finish(config)
    }

    pub(crate) fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The acquirer behind `--acquirer-url`, where one is named.
fn http_settings(reader: &mut parse::Reader<'_>, call_limit: Duration) -> Option<HttpSettings> {
    let connect_limit = reader.some_millis("acquirer-connect-timeout-ms");
    let places = reader.value("acquirer-connections-max", parse::at_least::<1>);
    let breaker = BreakerSettings {
        window: reader.some_millis("acquirer-breaker-window-ms"),
        calls_min: reader.value("acquirer-breaker-calls-min", parse::count),
        failures_percent: reader.value("acquirer-breaker-failures-percent", parse::percent),
        first_wait: reader.some_millis("acquirer-breaker-wait-ms"),
        max_wait: reader.some_millis("acquirer-breaker-wait-max-ms"),
        ..BreakerSettings::default()
    };
    let authorities = reader.optional("acquirer-ca", parse::path);
    let endpoint: Endpoint = reader.optional("acquirer-url", |text| text.parse())?;
    let trust = endpoint.is_tls().then(|| Trust::load(authorities.as_deref())).transpose();
    let trust = trust.unwrap_or_else(|cause| {
        reader.refuse("acquirer-ca", &cause);
        None
    });
    Some(HttpSettings { endpoint, trust, connect_limit, call_limit, places, breaker })
}

/// Those that are named, or all that this process can have.
fn read_roles(reader: &mut parse::Reader<'_>, has_brokers: bool) -> Vec<Role> {
    let Some(roles) = reader.optional("role", parse::roles) else {
        let relay = has_brokers.then_some(Role::Relay);
        return [Role::Api, Role::Workers, Role::Projections].into_iter().chain(relay).collect();
    };
    if roles.contains(&Role::Relay) && !has_brokers {
        reader.refuse("role", "relay needs --kafka-brokers");
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(
        flags: &[(&str, &str)],
        environment: &[(&str, &str)],
        file: &str,
    ) -> Result<Config, String> {
        let joined = |errors: Vec<SettingError>| {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let sources = Sources::of(flags, environment, file).map_err(joined)?;
        Config::read(&sources).map_err(joined)
    }

    #[test]
    fn every_default_is_valid() {
        let config = config(&[], &[], "").unwrap();
        assert_eq!(config.roles, [Role::Api, Role::Workers, Role::Projections]);
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn brokers_make_a_relay_of_a_process_without_roles() {
        let brokers = ("kafka-brokers", "a:9092,b:9092");
        let relaying = config(&[brokers], &[], "").unwrap();
        assert!(relaying.has_role(Role::Relay));
        let kafka = relaying.kafka.unwrap();
        assert_eq!(kafka.cluster.topic.as_str(), "daybook.payments");
        assert!(!config(&[brokers, ("role", "api")], &[], "").unwrap().has_role(Role::Relay));
        let errors = config(&[("role", "relay")], &[], "").unwrap_err();
        assert!(errors.contains("--role: relay needs --kafka-brokers"), "{errors}");
        for wrong in ["a", "a:b", ":9092", ""] {
            assert!(config(&[("kafka-brokers", wrong)], &[], "").is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_of_kafka_are_refused_without_showing_their_secrets() {
        let option = |text| config(&[("kafka-brokers", "a:9092"), ("kafka-option", text)], &[], "");
        let errors = option("sasl.password=hunter2,acks=1").unwrap_err();
        assert!(errors.contains("--kafka-option: may not have acks"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
        let shown = format!("{:?}", option("sasl.password=hunter2").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file() {
        let file = "fee-bps = 1\nqueue_max = 7\nconnections-max = 8";
        let config =
            config(&[("fee-bps", "3")], &[("fee-bps", "2"), ("queue-max", "9")], file).unwrap();
        assert_eq!(config.engine.terms.fee_bps, 3);
        assert_eq!(config.engine.queue_max, 9);
        assert_eq!(config.connections_max, 8);
    }

    #[test]
    fn every_wrong_setting_is_named_with_where_it_came_from() {
        let wrong =
            config(&[("listen", "nowhere")], &[("fee-bps", "10001")], "role = [\"api\", \"cook\"]");
        let errors = wrong.unwrap_err();
        for part in
            ["--listen: must be", "DAYBOOK_FEE_BPS (environment): must", "role in daybook.toml"]
        {
            assert!(errors.contains(part), "{part} is missing in: {errors}");
        }
    }

    #[test]
    fn a_key_that_is_no_setting_is_an_error() {
        let errors = config(&[], &[], "fee-bpm = 3").unwrap_err();
        assert!(errors.contains("fee-bpm in daybook.toml: is no setting"), "{errors}");
    }

    #[test]
    fn a_range_of_latency_is_one_number_or_two() {
        assert_eq!(
            config(&[("simulator-latency-ms", "5")], &[], "").unwrap().simulator.latency_ms,
            (5, 5)
        );
        assert_eq!(
            config(&[("simulator-latency-ms", "5..9")], &[], "").unwrap().simulator.latency_ms,
            (5, 9)
        );
        assert!(config(&[("simulator-latency-ms", "9..5")], &[], "").is_err());
    }

    #[test]
    fn views_have_a_database_of_their_own_or_the_ledgers() {
        let ledger = ("database-url", "postgres://app:secret@db:5433/book");
        let alone = config(&[ledger], &[], "").unwrap().databases.unwrap();
        assert_eq!(alone.views.url.to_string(), "postgres://app@db:5433/book");
        let apart = [ledger, ("views-url", "postgres://app:secret@db2/views")];
        let apart = config(&apart, &[], "").unwrap().databases.unwrap();
        assert_eq!(apart.ledger.url.to_string(), "postgres://app@db:5433/book");
        assert_eq!(apart.views.url.to_string(), "postgres://app@db2:5432/views");
        let errors = config(&[("views-url", "postgres://db/views")], &[], "").unwrap_err();
        assert!(errors.contains("--views-url: needs --database-url"), "{errors}");
    }

    #[test]
    fn a_wrong_database_url_is_refused_without_showing_its_password() {
        for url in ["mysql://app:secret@db/book", "postgres://app:secret@db", "app:secret@db"] {
            let errors = config(&[("database-url", url)], &[], "").unwrap_err();
            assert!(
                errors.contains("--database-url: must be a URL such as postgres://"),
                "{errors}"
            );
            assert!(!errors.contains("secret"), "{errors}");
        }
        let shown =
            format!("{:?}", config(&[("database-url", "postgres://u:secret@h/d")], &[], ""));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn settings_are_listed_once_and_explained() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(!setting.help.is_empty(), "{}", setting.name);
            let again = SETTINGS.iter().skip(at + 1).any(|other| other.name == setting.name);
            assert!(!again, "{} stands twice", setting.name);
        }
    }
}
