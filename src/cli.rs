//! The command line: commands, settings as flags, and how a failure ends.

mod definition;
mod operations;
mod proof;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use daybook_engine::event_text::TextName;
use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::StoreError;
use daybook_projections::View;
use daybook_relay::rewind::RewindTo;

use crate::commands::operations::OperationsCommand;
use crate::commands::relay::RelayCommand;
use crate::config::{Config, SETTINGS, SettingError, Sources};

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Serve,
    Migrate,
    Verify {
        /// A file of exported seals.
        against: Option<PathBuf>,
    },
    ExportSeals,
    Backup {
        folder: PathBuf,
    },
    Restore {
        folder: PathBuf,
    },
    /// After a restore.
    AdoptLedger,
    Show {
        payment: PaymentId,
    },
    Erase {
        payment: PaymentId,
        names: Vec<TextName>,
    },
    /// The simulated acquirer behind its wire.
    Acquirer,
    Parked(Parked),
    Operations(OperationsCommand),
    RebuildView {
        view: View,
    },
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
    let matches = definition::definition().get_matches();
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
        "verify" => {
            let against = arguments.get_one::<String>("against").map(PathBuf::from);
            Command::Verify { against }
        }
        "seals export" => Command::ExportSeals,
        "backup" => Command::Backup { folder: folder_argument(arguments) },
        "restore" => Command::Restore { folder: folder_argument(arguments) },
        "ledger adopt" => Command::AdoptLedger,
        "acquirer" => Command::Acquirer,
        "erase" => {
            Command::Erase { payment: payment_argument(arguments)?, names: text_names(arguments)? }
        }
        "show" => Command::Show { payment: payment_argument(arguments)? },
        "operations list" => Command::Operations(operations::list(arguments)?),
        "operations resolve" => Command::Operations(operations::resolve(arguments)?),
        "operations acknowledge" => Command::Operations(operations::acknowledge(arguments)?),
        "projections rebuild" => Command::RebuildView { view: view_argument(arguments)? },
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

/// The texts to erase; all of them where none is named.
fn text_names(arguments: &ArgMatches) -> Result<Vec<TextName>, Failure> {
    let Some(named) = arguments.get_many::<String>("field") else {
        return Ok(TextName::ALL.to_vec());
    };
    let name = |text: &String| {
        TextName::parse(text).ok_or_else(|| {
            let names = TextName::ALL.map(TextName::as_str).join(", ");
            Failure::Usage(format!("--field {text:?} is no text of a payment; they are {names}"))
        })
    };
    named.map(name).collect()
}

fn view_argument(arguments: &ArgMatches) -> Result<View, Failure> {
    let text = arguments.get_one::<String>("NAME").map_or("", String::as_str);
    View::parse(text).ok_or_else(|| {
        let names = View::ALL.map(View::as_str).join(", ");
        Failure::Usage(format!("{text:?} is no view; they are {names}"))
    })
}

fn folder_argument(arguments: &ArgMatches) -> PathBuf {
    arguments.get_one::<String>("DIR").map(PathBuf::from).unwrap_or_default()
}

fn rewind_argument(arguments: &ArgMatches) -> Result<RewindTo, Failure> {
    let text = arguments.get_one::<String>("to").map_or("", String::as_str);
    text.parse().map_err(|cause| Failure::Usage(format!("--to: {cause}, not {text:?}")))
}
