//! The table of settings: help, defaults and names all come from here.

/// One setting. Its environment variable is `DAYBOOK_` and its name in upper snake case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// What stands for the value in the help.
    pub(crate) value: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) help: &'static str,
    /// Whether the flag alone says true.
    pub(crate) is_switch: bool,
}

const fn setting(
    name: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, value, default, help, is_switch: false }
}

const fn switch(name: &'static str, help: &'static str) -> Setting {
    Setting { is_switch: true, ..setting(name, "true|false", Some("false"), help) }
}

pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "listen",
        "ADDRESS",
        Some("127.0.0.1:8080"),
        "Where to serve HTTP; port 0 takes a free one",
    ),
    setting(
        "data-dir",
        "DIR",
        Some("./daybook-data"),
        "Where the SQLite ledger, work rows and views stand",
    ),
    setting(
        "database-url",
        "URL",
        None,
        "Postgres for the ledger, work rows and views instead of SQLite, postgres://USER:PASSWORD@HOST:5432/DATABASE, with ?sslmode=verify-full&sslrootcert=FILE for TLS",
    ),
    setting(
        "views-url",
        "URL",
        None,
        "Another Postgres database for the views (without it they stand beside the ledger)",
    ),
    switch("migrate", "Apply what is missing in the Postgres schema before serving"),
    setting(
        "database-pool-max",
        "N",
        Some("8"),
        "Postgres connections of each pool: one for reading the ledger, one for the views, two for the work rows",
    ),
    setting(
        "database-connect-timeout-ms",
        "MS",
        Some("5000"),
        "How long a connection to Postgres is waited for",
    ),
    setting(
        "database-statement-timeout-ms",
        "MS",
        Some("30000"),
        "After so long Postgres ends a statement",
    ),
    setting(
        "database-lock-timeout-ms",
        "MS",
        Some("5000"),
        "After so long Postgres ends a statement that waits for a lock",
    ),
    setting(
        "database-idle-in-transaction-timeout-ms",
        "MS",
        Some("30000"),
        "After so long Postgres ends a session that stands still inside a transaction",
    ),
    setting(
        "partitions",
        "P",
        None,
        "Partitions of a new ledger, 1 to 1024, fixed for ever; an existing ledger must have as many (new ledgers get 16)",
    ),
    setting(
        "role",
        "ROLES",
        None,
        "What this process does, by commas: api, workers, projections, relay (without it all of them, relay where --kafka-brokers is set)",
    ),
    setting(
        "kafka-brokers",
        "HOST:PORT,…",
        None,
        "Kafka's brokers: the relay publishes the ledger there (without it nothing is published)",
    ),
    setting(
        "kafka-topic",
        "TOPIC",
        Some("daybook.payments"),
        "The topic; where there is none it is created with the ledger's partitions",
    ),
    setting(
        "kafka-option",
        "NAME=VALUE,…",
        None,
        "Settings of librdkafka such as security.protocol=SASL_SSL,sasl.mechanism=SCRAM-SHA-512; a comma in a value is written \\, and those that order and safety rest on are refused",
    ),
    setting(
        "kafka-retention-s",
        "SECONDS",
        Some("604800"),
        "How long a topic that is created keeps a record",
    ),
    setting(
        "kafka-replication-factor",
        "N",
        None,
        "Copies of a topic that is created (without it as the brokers have it)",
    ),
    setting(
        "relay-backoff-ms",
        "MS",
        Some("200"),
        "How long the relay's breaker stays open after a failure; it doubles with each in a row",
    ),
    setting(
        "relay-backoff-max-ms",
        "MS",
        Some("5000"),
        "The longest that the relay's breaker stays open before a probe",
    ),
    setting(
        "relay-acknowledgement-ms",
        "MS",
        Some("5000"),
        "With records under way and none acknowledged for so long, the breaker opens",
    ),
    setting("fee-bps", "BPS", Some("0"), "Fee on each capture in basis points, 0 to 10000"),
    setting(
        "authorization-lifetime-s",
        "SECONDS",
        Some("604800"),
        "How long an authorization can be captured",
    ),
    setting(
        "settlement-utc-offset-minutes",
        "MINUTES",
        Some("0"),
        "The settlement day's zone, minutes east of UTC, -720 to 840",
    ),
    setting(
        "queue-max",
        "N",
        Some("4096"),
        "Appends that may wait for a commit; a request beyond it gets 503 at once",
    ),
    setting("cache-max", "N", Some("50000"), "Recent payments kept in memory"),
    setting(
        "connections-max",
        "N",
        Some("4096"),
        "Open client connections; one more gets 503 at once",
    ),
    setting(
        "wait-ms",
        "MS",
        Some("2000"),
        "How long a request waits for its outcome before it answers 202",
    ),
    setting(
        "wait-max-s",
        "SECONDS",
        Some("30"),
        "The longest wait that a client's Prefer: wait=N gets",
    ),
    setting(
        "drain-ms",
        "MS",
        Some("30000"),
        "How long a stopping process lets running requests finish",
    ),
    setting(
        "worker-concurrency",
        "N",
        Some("64"),
        "Operations that the workers have with the acquirer at a time",
    ),
    setting(
        "seal-every-ms",
        "MS",
        Some("10000"),
        "How long after an event came its partition is sealed, by a process with workers",
    ),
    setting(
        "seal-events",
        "N",
        Some("10000"),
        "A partition with so many unsealed events is sealed at once",
    ),
    setting(
        "acquirer-url",
        "URL",
        None,
        "The acquirer, https://HOST:PORT (without it the simulator in this process)",
    ),
    setting(
        "acquirer-ca",
        "FILE",
        None,
        "The authorities, in PEM, that vouch for the acquirer (without it the operating system's)",
    ),
    setting(
        "acquirer-connect-timeout-ms",
        "MS",
        Some("1000"),
        "How long a connection to the acquirer may take to be made",
    ),
    setting(
        "acquirer-connections-max",
        "N",
        Some("256"),
        "Calls and inquiries that are with the acquirer at a time; at the bound requests are refused",
    ),
    setting(
        "acquirer-breaker-window-ms",
        "MS",
        Some("10000"),
        "How far back the acquirer's breaker counts calls",
    ),
    setting(
        "acquirer-breaker-calls-min",
        "N",
        Some("20"),
        "Fewer calls than this within the window never open the breaker",
    ),
    setting(
        "acquirer-breaker-failures-percent",
        "PERCENT",
        Some("50"),
        "The breaker opens where so many of a hundred calls had no answer",
    ),
    setting(
        "acquirer-breaker-wait-ms",
        "MS",
        Some("1000"),
        "How long an open breaker waits before it asks how the acquirer is; doubled each time",
    ),
    setting("acquirer-breaker-wait-max-ms", "MS", Some("30000"), "The longest of those waits"),
    setting(
        "acquirer-timeout-ms",
        "MS",
        Some("5000"),
        "How long one call to the acquirer is waited for",
    ),
    setting(
        "acquirer-send-window-ms",
        "MS",
        Some("5000"),
        "How long after its intent (or claim) an operation may still be sent",
    ),
    setting(
        "acquirer-processing-ms",
        "MS",
        Some("30000"),
        "The acquirer's longest processing time: 'not found' counts only after it",
    ),
    setting(
        "acquirer-key-lifetime-s",
        "SECONDS",
        Some("86400"),
        "How long the acquirer remembers an operation's id; older ones are only asked about",
    ),
    setting(
        "inquiry-schedule-ms",
        "MS,MS,…",
        Some("2000,10000,30000,120000,600000,3600000"),
        "Delays between inquiries about an open operation; the last one repeats",
    ),
    setting(
        "flag-after-s",
        "SECONDS",
        Some("86400"),
        "When an operation that is still open is flagged for people",
    ),
    setting(
        "simulator-seed",
        "N",
        Some("0"),
        "The simulated acquirer's seed: the same seed gives the same outcomes",
    ),
    setting(
        "simulator-latency-ms",
        "MS",
        Some("0"),
        "How long the simulated acquirer takes: one number, or MIN..MAX",
    ),
    setting(
        "simulator-decline-bps",
        "BPS",
        Some("0"),
        "How many of 10000 operations the simulator declines",
    ),
    setting(
        "simulator-error-bps",
        "BPS",
        Some("0"),
        "How many of 10000 operations end in a definite error",
    ),
    setting(
        "simulator-unknown-bps",
        "BPS",
        Some("0"),
        "How many of 10000 calls are cut after the simulator took them",
    ),
    setting(
        "simulator-late-bps",
        "BPS",
        Some("0"),
        "How many of 10000 calls are answered late, by a notice",
    ),
    setting(
        "simulator-duplicate-bps",
        "BPS",
        Some("0"),
        "How many of 10000 calls are answered three times",
    ),
    setting("log", "FILTER", Some("info"), "What is logged: a level, or TARGET=LEVEL by commas"),
    setting(
        "log-format",
        "FORMAT",
        Some("text"),
        "text or json, one line an event, on standard error",
    ),
];
