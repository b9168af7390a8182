//! The command line: commands, settings as flags, and how a failure ends.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::{Arg, ArgMatches};
use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::StoreError;
use daybook_relay::rewind::RewindTo;

use crate::commands::relay::RelayCommand;
use crate::config::{Config, SETTINGS, Setting, SettingError, Sources};

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Serve,
    Migrate,
    Verify,
    Show {
        payment: PaymentId,
    },
    /// The simulated acquirer behind its wire.
    Acquirer,
    Parked(Parked),
    Relay(RelayCommand),
}

/// What to do about parked payments.
#[derive(Debug)]
pub(crate) enum Parked {
    List,
    Show {
        payment: PaymentId,
    },
    /// `None`: all of them.
    Retry {
        payment: Option<PaymentId>,
    },
}

/// Why the program ends with another code than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 1: a check found a difference; it has been printed.
    Difference,
    /// 2: usage or settings.
    Usage(String),
    /// 3: a dependency can't be reached.
    Dependency(String),
}

impl Failure {
    pub(crate) fn dependency(what: &str, error: &(dyn Error + 'static)) -> Self {
        Self::Dependency(format!("{what}: {}", chain(error)))
    }

    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Difference => ExitCode::from(1),
            Self::Usage(message) => {
                eprintln!("daybook: {message}");
                ExitCode::from(2)
            }
            Self::Dependency(message) => {
                eprintln!("daybook: {message}");
                ExitCode::from(3)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(message) => Self::Usage(message),
            error => Self::Dependency(chain(&error)),
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes =
        std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Reads the command line, the environment and the file of settings. Prints help, and ends, by
/// itself.
///
/// # Errors
/// [`Failure::Usage`], with every wrong setting.
pub(crate) fn parse() -> Result<(Command, Config), Failure> {
    let matches = definition().get_matches();
    let (name, arguments) = matches
        .subcommand()
        .ok_or_else(|| Failure::Usage("no command; see `daybook --help`".to_owned()))?;
    // The settings stand with the innermost command.
    let (name, arguments) = match arguments.subcommand() {
        Some((inner, arguments)) => (format!("{name} {inner}"), arguments),
        None => (name.to_owned(), arguments),
    };
    let config = read_settings(arguments).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        Failure::Usage(lines.join("\ndaybook: "))
    })?;
    let command = match name.as_str() {
        "migrate" => Command::Migrate,
        "verify" => Command::Verify,
        "acquirer" => Command::Acquirer,
        "show" => Command::Show { payment: payment_argument(arguments)? },
        "parked list" => Command::Parked(Parked::List),
        "parked show" => Command::Parked(Parked::Show { payment: payment_argument(arguments)? }),
        "parked retry" => {
            let is_all = arguments.get_flag("all");
            let payment = (!is_all).then(|| payment_argument(arguments)).transpose()?;
            Command::Parked(Parked::Retry { payment })
        }
        "relay verify" => Command::Relay(RelayCommand::Verify),
        "relay rewind" => Command::Relay(RelayCommand::Rewind { to: rewind_argument(arguments)? }),
        _ => Command::Serve,
    };
    Ok((command, config))
}

fn read_settings(arguments: &ArgMatches) -> Result<Config, Vec<SettingError>> {
    let given = |name: &str| Some((name.to_owned(), arguments.get_one::<String>(name)?.clone()));
    let names = SETTINGS.iter().map(|setting| setting.name).chain(["config"]);
    let flags: BTreeMap<_, _> = names.filter_map(given).collect();
    Config::read(&Sources::gather(flags)?)
}

fn payment_argument(arguments: &ArgMatches) -> Result<PaymentId, Failure> {
    let text = arguments.get_one::<String>("PAYMENT").map_or("", String::as_str);
    text.parse().map_err(|_| {
        Failure::Usage(format!(
            "{text:?} is no payment id; it looks like \
             0190a5f0-1c2d-8e3f-9a4b-5c6d7e8f9a0b"
        ))
    })
}

fn rewind_argument(arguments: &ArgMatches) -> Result<RewindTo, Failure> {
    let text = arguments.get_one::<String>("to").map_or("", String::as_str);
    text.parse().map_err(|cause| Failure::Usage(format!("--to: {cause}, not {text:?}")))
}

fn definition() -> clap::Command {
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
                     reported, and are no difference.",
                )
                .args(settings()),
        )
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
        .subcommand(parked_definition())
}

fn payment() -> Arg {
    Arg::new("PAYMENT").required(true).help("The payment's id")
}

fn parked_definition() -> clap::Command {
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

fn settings() -> Vec<Arg> {
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
