//! Settings and the command line.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::store::Store;

/// The fee that a capture of 1000 posts now.
async fn fee(daybook: &Daybook, key: &str) -> i64 {
    let id = authorized(daybook, key, 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    let events = daybook.get(&format!("/api/v1/payments/{id}/events")).await.expect(200);
    let items = events.field("items");
    let captured = items.as_array().unwrap().iter().find(|e| e["type"] == "payment.captured");
    let postings = captured.map(|event| event["data"]["journal"].clone());
    let postings = postings.unwrap_or_else(|| panic!("no capture in {}", events.text));
    let of_fees = |posting: &&Value| posting["account"] == "fees";
    postings.as_array().unwrap().iter().find(of_fees).map_or(0, |p| p["amount"].as_i64().unwrap())
}

/// The longest wait that a client gets.
async fn longest_wait(daybook: &Daybook, key: &str) -> String {
    let headers = [("prefer", "wait=20")];
    let answer = daybook.post_with("/api/v1/payments", &headers, authorization(key, 1)).await;
    answer.expect(201).header("preference-applied").to_owned()
}

/// The environment, the flags, and the fee that comes of them.
type Round<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i64);

pub(crate) async fn settings_come_from_flag_environment_and_file(store: Store) {
    let mut daybook = Daybook::start(store, &["--partitions=3"]).await;
    assert_eq!(fee(&daybook, "none").await, 0);
    assert_eq!(longest_wait(&daybook, "w0").await, "wait=20");
    assert_eq!(daybook.stop().await, Some(0));
    let file = daybook.data_dir().join("daybook.toml");
    std::fs::write(&file, "fee-bps = 100\nwait_max_s = 7\nrole = [\"api\", \"workers\"]\n")
        .unwrap();
    let config = format!("--config={}", file.display());
    let variables = [("DAYBOOK_FEE_BPS", "200")];
    let by_variable = [("DAYBOOK_CONFIG", file.to_str().unwrap())];
    let rounds: [Round<'_>; 4] = [
        (&[], &[&config], 10),
        (&by_variable, &[], 10),
        (&variables, &[&config], 20),
        (&variables, &[&config, "--fee-bps=300"], 30),
    ];
    for (number, (environment, flags, expected)) in rounds.into_iter().enumerate() {
        daybook.resume_in(environment, flags).await;
        let what = format!("{environment:?} {flags:?}");
        assert_eq!(fee(&daybook, &format!("f{number}")).await, expected, "{what}");
        assert_eq!(longest_wait(&daybook, &format!("w{number}")).await, "wait=7", "{what}");
        assert_eq!(daybook.stop().await, Some(0));
    }
    std::fs::write(&file, "fee-bpm = 3\n").unwrap();
    refused(&daybook, &[&config], &["fee-bpm", "daybook.toml"]).await;
    std::fs::write(&file, "fee-bps = 10001\n").unwrap();
    refused(&daybook, &[&config], &["fee-bps", "daybook.toml", "10000"]).await;
    refused(&daybook, &["--config=nowhere.toml"], &["--config", "nowhere.toml"]).await;
    refused(&daybook, &["--listen=nowhere"], &["--listen", "127.0.0.1:8080"]).await;
}

/// Expects `serve` to end with 2 and to say each of these.
async fn refused(daybook: &Daybook, flags: &[&str], parts: &[&str]) {
    let output = daybook.command("serve", flags).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing for {flags:?} in: {said}");
    }
}

/// Settings that scripts rely on.
const SETTINGS: &[&str] = &[
    "acquirer-breaker-calls-min",
    "acquirer-breaker-failures-percent",
    "acquirer-breaker-wait-max-ms",
    "acquirer-breaker-wait-ms",
    "acquirer-breaker-window-ms",
    "acquirer-ca",
    "acquirer-connect-timeout-ms",
    "acquirer-connections-max",
    "acquirer-key-lifetime-s",
    "acquirer-processing-ms",
    "acquirer-send-window-ms",
    "acquirer-timeout-ms",
    "acquirer-url",
    "authorization-lifetime-s",
    "cache-max",
    "config",
    "connections-max",
    "data-dir",
    "database-connect-timeout-ms",
    "database-idle-in-transaction-timeout-ms",
    "database-lock-timeout-ms",
    "database-pool-max",
    "database-statement-timeout-ms",
    "database-url",
    "drain-ms",
    "fee-bps",
    "flag-after-s",
    "inquiry-schedule-ms",
    "kafka-brokers",
    "kafka-option",
    "kafka-replication-factor",
    "kafka-retention-s",
    "kafka-topic",
    "listen",
    "log",
    "log-format",
    "migrate",
    "partitions",
    "queue-max",
    "relay-acknowledgement-ms",
    "relay-backoff-max-ms",
    "relay-backoff-ms",
    "role",
    "seal-events",
    "seal-every-ms",
    "settlement-utc-offset-minutes",
    "simulator-decline-bps",
    "simulator-duplicate-bps",
    "simulator-error-bps",
    "simulator-late-bps",
    "simulator-latency-ms",
    "simulator-seed",
    "simulator-unknown-bps",
    "views-url",
    "wait-max-s",
    "wait-ms",
    "worker-concurrency",
];

/// The flags that a help text lists, without their dashes.
fn flags_of(help: &str) -> BTreeSet<String> {
    let first = |line: &str| {
        let flag = line.split_whitespace().find(|word| word.starts_with("--"))?;
        // A switch shows its optional value behind it.
        let name = flag.trim_start_matches("--").split(['[', '=']).next()?;
        Some(name.to_owned())
    };
    // A flag's line begins with it, or with its short form; other lines may quote one.
    let listed = help.lines().filter(|line| line.trim_start().starts_with('-'));
    listed.filter_map(first).collect()
}

async fn help(daybook: &Daybook, command: &str) -> String {
    let arguments: Vec<_> = command.split(' ').chain(["--help"]).collect();
    let output = daybook.program(&arguments).await;
    assert_eq!(output.status.code(), Some(0), "{command} --help");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const COMMANDS: &[&str] = &[
    "serve",
    "migrate",
    "verify",
    "show",
    "erase",
    "acquirer",
    "parked list",
    "parked show",
    "parked retry",
    "relay verify",
    "relay rewind",
    "seals export",
    "backup",
    "restore",
    "ledger adopt",
    "operations list",
    "operations resolve",
    "operations acknowledge",
    "projections rebuild",
];

pub(crate) async fn the_help_names_every_command_and_setting(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let program = daybook.program(&["--help"]).await;
    assert_eq!(program.status.code(), Some(0));
    let overview = String::from_utf8_lossy(&program.stdout).into_owned();
    let of_serve = flags_of(&help(&daybook, "serve").await);
    for command in COMMANDS {
        let first = command.split(' ').next().unwrap();
        let is_listed = overview.lines().any(|line| line.trim_start().starts_with(first));
        assert!(is_listed, "{command} is missing in:\n{overview}");
        let text = help(&daybook, command).await;
        let flags = flags_of(&text);
        for setting in SETTINGS {
            assert!(flags.contains(*setting), "--{setting} is missing in:\n{text}");
        }
        let mut of_serve = of_serve.clone();
        match *command {
            "verify" => drop(of_serve.insert("against".to_owned())),
            "erase" => drop(of_serve.insert("field".to_owned())),
            "operations list" => {
                let own = ["open", "late", "acknowledged", "merchant-id", "verb", "json"];
                of_serve.extend(own.map(str::to_owned));
            }
            "operations acknowledge" => of_serve.extend(["by", "why"].map(str::to_owned)),
            "operations resolve" => of_serve.extend(
                ["outcome", "by", "why", "amount", "transaction-id", "approval-code"]
                    .map(str::to_owned),
            ),
            "relay rewind" => drop(of_serve.insert("to".to_owned())),
            "parked retry" => drop(of_serve.insert("all".to_owned())),
            _ => {}
        }
        assert_eq!(flags, of_serve, "{command} takes other settings than serve");
        assert!(text.contains("DAYBOOK_"), "the environment is not mentioned in:\n{text}");
    }
    assert!(overview.contains("Exit codes"), "{overview}");
    assert_eq!(daybook.program(&[]).await.status.code(), Some(2));
    assert_eq!(daybook.program(&["cook"]).await.status.code(), Some(2));
}
