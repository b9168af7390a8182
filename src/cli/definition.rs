//! What the command line takes: every command with its help.

use clap::Arg;

use super::{operations, proof};
use crate::config::{SETTINGS, Setting};

pub(super) fn definition() -> clap::Command {
    clap::Command::new("daybook")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A payment engine: authorize, capture, void and refund over an append-only, double-entry ledger.")
        .after_help(
            "Start here: `daybook serve`, then POST to http://127.0.0.1:8080/api/v1/payments.\n\
             Exit codes: 0 ok, 1 a check found a difference, 2 usage or settings, 3 a dependency \
             can't be reached.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("serve")
                .about("Serve the API, and run workers and projections, in one process or in several")
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("migrate")
                .about("Create or bring up to date the schema in --database-url and --views-url")
                .long_about(
                    "Create or bring up to date the schema in --database-url and --views-url, as the \
                     owner of the databases, and create the ledger itself where there is none (with \
                     --partitions). What stands there already is left as it is, so it may run before \
                     every start. SQLite needs no such command: it migrates itself.",
                )
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("verify")
                .about("Check the whole ledger and every view against it; exit 1 where they differ")
                .long_about(
                    "Check the whole ledger and every view against it, beside a running `serve` or \
                     without one: positions, versions, rules, bounds and balances of every payment, \
                     and each view against the fold of the ledger at the view's own cursor. Each \
                     difference is a line that names the culprit. Lag and open operations are \
                     reported, and are no difference. The events are hashed again and compared with \
                     the ledger's seals, with --against also with seals that were exported before.",
                )
                .arg(
                    Arg::new("against")
                        .long("against")
                        .value_name("FILE")
                        .help("Seals that `daybook seals export` has written, or that a topic holds"),
                )
                .args(settings()),
        )
        .subcommand(proof::seals())
        .subcommand(proof::backup())
        .subcommand(proof::restore())
        .subcommand(proof::ledger())
        .subcommand(relay())
        .subcommand(
            clap::Command::new("acquirer")
                .about("Serve the simulated acquirer over HTTP, for --acquirer-url")
                .long_about(
                    "Serve the simulated acquirer over HTTP on --listen, for the --acquirer-url of \
                     others. What it executed stands in acquirer.db in --data-dir and outlives it; \
                     the --simulator settings say how it behaves, --acquirer-timeout-ms how long it \
                     keeps silent where it is to.",
                )
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("show")
                .about("Print a payment's timeline: events, postings, operations")
                .arg(payment())
                .args(settings()),
        )
        .subcommand(erase())
        .subcommand(parked())
        .subcommand(operations::definition())
        .subcommand(proof::projections())
}

pub(super) fn payment() -> Arg {
    Arg::new("PAYMENT").required(true).help("The payment's id")
}

fn erase() -> clap::Command {
    let field = Arg::new("field")
        .long("field")
        .value_name("NAME")
        .action(clap::ArgAction::Append)
        .value_delimiter(',')
        .help("reference, metadata or reason (of refunds); may be repeated [default: all three]");
    clap::Command::new("erase")
        .about("Erase what clients wrote about a payment: its reference, metadata and reasons")
        .long_about(
            "Erase what clients wrote about a payment: its reference, its metadata and the reasons of its \
             refunds, in the ledger and in the views, for good, beside a running `serve` or without one. \
             The events stay as they are: they hold a salted hash, and the salt is erased too. From then on \
             every read and every replay has null there. On Postgres only the owner of the ledger may do \
             so. It may be repeated, and finishes what one that was killed has begun. Backups, and \
             what clients were answered before, are not within its reach.",
        )
        .arg(payment())
        .arg(field)
        .args(settings())
}

fn parked() -> clap::Command {
    let all = Arg::new("all").long("all").num_args(0).help("Every parked payment");
    let all = all.action(clap::ArgAction::SetTrue).conflicts_with("PAYMENT");
    clap::Command::new("parked")
        .about("List, show and take up again the payments that the views have set aside")
        .long_about(
            "A payment that has an event which can't be processed (it is damaged, or says what can't \
             be) is set aside by the views: its later events wait behind that one, and every other \
             payment goes on. Once what was wrong is mended, retry reads its events again and folds \
             them into the views, each once, beside a running `serve` or without one.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("list").about("Print every parked payment and why").args(settings()),
        )
        .subcommand(
            clap::Command::new("show")
                .about("Print a parked payment's cause and which of its events wait")
                .arg(payment())
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("retry")
                .about("Take a parked payment up again; exit 1 where one stays parked")
                .arg(payment().required(false).required_unless_present("all"))
                .arg(all)
                .args(settings()),
        )
}

fn relay() -> clap::Command {
    let to =
        Arg::new("to").long("to").value_name("POSITION|PARTITION:POSITION|TIME").required(true);
    clap::Command::new("relay")
        .about("Check the Kafka topic against the ledger, or publish a part of it again")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("verify")
                .about("Compare the topic with the ledger, position by position; exit 1 where they differ")
                .long_about(
                    "Compare the topic with the ledger, position by position, from its first offset \
                     on, beside a running relay or without one. Repeats are allowed; what is missing, \
                     foreign, changed or out of order is a line that names it. What the ledger holds \
                     at the start must be in the topic 10 s later. Records that retention has \
                     deleted are reported, and are no difference.",
                )
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("rewind")
                .about("Set the relay back: what follows is published again")
                .arg(to.help(
                    "What stands after the position, or was recorded from the time on, is published \
                     again",
                ))
                .args(settings()),
        )
}

pub(super) fn settings() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("A TOML file of settings [env: DAYBOOK_CONFIG]")
        .help_heading("Settings");
    SETTINGS.iter().map(flag).chain([config]).collect()
}

fn flag(setting: &'static Setting) -> Arg {
    let default = setting.default.map(|text| format!(" [default: {text}]")).unwrap_or_default();
    let flag = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value)
        .help(format!("{}{default}", setting.help))
        .help_heading(
            "Settings (each also an environment variable DAYBOOK_NAME and a key of --config)",
        )
        .allow_hyphen_values(true);
    if setting.is_switch {
        flag.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        flag
    }
}
