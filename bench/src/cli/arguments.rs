//! Arguments that several commands take.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::value;

pub(super) fn with_place(command: Command) -> Command {
    with_children(command)
        .arg(
            Arg::new("target")
                .long("target")
                .value_name("http://127.0.0.1:PORT")
                .value_parser(value::loopback)
                .help("Use the server running there instead of starting one (loopback only)"),
        )
        .mut_arg("postgres", |arg| arg.conflicts_with("target"))
        .mut_arg("kafka", |arg| arg.conflicts_with("target"))
        .mut_arg("flags", |arg| arg.conflicts_with("target"))
}

/// For scenarios that start their servers themselves.
pub(super) fn with_children(command: Command) -> Command {
    command
        .arg(
            Arg::new("postgres")
                .long("postgres")
                .action(ArgAction::SetTrue)
                .help("Keep the ledger in a fresh database on the Postgres of `deploy/services`"),
        )
        .arg(
            Arg::new("kafka")
                .long("kafka")
                .action(ArgAction::SetTrue)
                .help("Give the servers a topic of their own on the Kafka of `deploy/services`"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Write all figures there too"),
        )
        .arg(
            Arg::new("flags")
                .value_name("SERVER FLAGS")
                .num_args(1..)
                .last(true)
                .value_parser(value_parser!(OsString))
                .help("Further flags for the server that is started"),
        )
}

pub(super) fn seed() -> Arg {
    Arg::new("seed")
        .long("seed")
        .value_name("N")
        .default_value("1")
        .value_parser(value_parser!(u64))
        .help("The same seed asks for the same operations in the same order")
}

pub(super) fn count(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    count_without_default(name, help).default_value(default)
}

pub(super) fn count_without_default(name: &'static str, help: &'static str) -> Arg {
    let parser = value_parser!(u64).range(1..=100_000_000);
    Arg::new(name).long(name).value_name("N").value_parser(parser).help(help)
}

pub(super) fn duration_arg(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("TIME")
        .default_value(default)
        .value_parser(value::duration)
        .help(format!("{help}: a number with ms, s, m or h"))
}

pub(super) fn given<'a, T: Clone + Send + Sync + 'static>(
    matches: &'a ArgMatches,
    name: &str,
) -> &'a T {
    matches.get_one(name).expect("the argument has a default or is required")
}

pub(super) fn size(matches: &ArgMatches, name: &str) -> usize {
    usize::try_from(*given::<u64>(matches, name)).unwrap_or(usize::MAX)
}
