//! The command line.

mod arguments;
mod plans;
mod value;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::failure::Failure;
use crate::scenario::Scenario;
use crate::server::Place;
use arguments::{
    count, count_without_default, duration_arg, given, seed, size, with_children, with_place,
};

#[derive(Debug)]
pub(crate) enum Order {
    Run(Box<RunOrder>),
    LimitFsync { duration: Duration },
    LimitHttp { connections: usize, duration: Duration },
    LimitKafka { records: u64 },
    LimitPostgres { duration: Duration },
    Echo { listen: SocketAddr },
}

#[derive(Debug)]
pub(crate) struct RunOrder {
    pub(crate) scenario: Scenario,
    pub(crate) place: Place,
    pub(crate) json: Option<PathBuf>,
}

pub(crate) fn command() -> Command {
    Command::new("bench")
        .about("Puts load on Daybook over HTTP, and measures the limits of the machine beside it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(run_command())
        .subcommand(limit_command())
        .subcommand(
            Command::new("echo")
                .hide(true)
                .arg(Arg::new("listen").required(true).value_parser(value_parser!(SocketAddr))),
        )
}

fn run_command() -> Command {
    let authorize = Command::new("authorize")
        .about("Closed loop: each connection authorizes again as soon as it is answered")
        .arg(count("connections", "64", "How many connections ask at a time"))
        .arg(duration_arg("duration", "15s", "How long"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"))
        .arg(count_without_default("rate", "Not more than so many requests a second"))
        .arg(count_without_default(
            "requests",
            "End after so many requests, however long it takes",
        ));
    let flows = Command::new("flows")
        .about("Open loop over the older routes: authorize, 0.1 s, capture, 0.1 s, refund")
        .arg(count("rate", "200", "Flows begun in a second"))
        .arg(duration_arg("duration", "60s", "How long flows are begun"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"));
    let mixed = Command::new("mixed")
        .about("Duplicates, competing captures, refunds and voids; then checks each one's effect")
        .arg(count("requests", "10000", "How many requests; a tenth are duplicates of one"))
        .arg(count("in-flight", "1000", "How many at a time"))
        .arg(seed());
    Command::new("run")
        .about("Run a scenario against a server of its own, or a running one")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([authorize, flows, mixed, pages()].map(with_place))
        .subcommands(several_commands().map(with_children))
}

fn pages() -> Command {
    Command::new("pages")
        .about(
            "Walks through every page of payments while others are written: how long a page takes, and \
             what is missed or shown twice",
        )
        .arg(count("payments", "100000", "How many payments are there before the first page"))
        .arg(count("rate", "1000", "How many payments a second are written meanwhile"))
        .arg(duration_arg("duration", "60s", "How long"))
        .arg(count("connections", "64", "How many connections write"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"))
        .arg(count("limit", "50", "Rows of a page, at most 200"))
}

/// Scenarios that can't do without servers of their own.
fn several_commands() -> [Command; 4] {
    let shared = Command::new("shared")
        .about(
            "Two API processes, two workers, two projections: commands on the same payments through \
             both APIs at once; then checks each one's effect",
        )
        .arg(count("requests", "20000", "How many requests; a tenth are duplicates of one"))
        .arg(count("connections", "64", "How many connections to each API process"))
        .arg(seed());
    let together = Command::new("together")
        .about(
            "The load of `authorize` on one API process and on two, six times by turns: what two reach \
             of one's rate",
        )
        .arg(count("connections", "128", "How many connections in all"))
        .arg(duration_arg("duration", "30s", "How long for one and for two, over all rounds"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"));
    let project = Command::new("project")
        .about(
            "Projections alone, on a ledger that is there already; with --kafka from the topic, and \
             before that the relay alone, publishing all of it",
        )
        .arg(count("events", "500000", "How many events"))
        .arg(count("connections", "128", "How many connections write them"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"));
    let relayed = Command::new("relayed")
        .about(
            "Every role in one process, with Kafka: the load of `authorize`, then 0.8 of the rate it \
             reached, and how far the topic and the views are behind meanwhile",
        )
        .arg(count("connections", "256", "How many connections ask at a time"))
        .arg(duration_arg("duration", "60s", "How long, each time"))
        .arg(count("merchants", "16", "How many merchants the payments are spread over"));
    [shared, together, project, relayed]
}

fn limit_command() -> Command {
    Command::new("limit")
        .about("Measure one limit of this machine alone")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("fsync")
                .about("4 KiB writes, each made durable, in the folder where servers keep data")
                .arg(duration_arg("duration", "2s", "How long")),
        )
        .subcommand(
            Command::new("http")
                .about("Requests that a server answers without doing anything")
                .arg(count("connections", "64", "How many connections ask at a time"))
                .arg(duration_arg("duration", "3s", "How long")),
        )
        .subcommand(
            Command::new("kafka")
                .about("Records that librdkafka gets acknowledged, of the size of Daybook's events")
                .arg(count("records", "500000", "How many")),
        )
        .subcommand(
            Command::new("postgres")
                .about(
                    "Durable inserts of Daybook's own two rows of an authorization, 256 at a time",
                )
                .arg(duration_arg("duration", "5s", "How long")),
        )
}

/// Reads matches of [`command`].
pub(crate) fn order(matches: &ArgMatches) -> Result<Order, Failure> {
    match path(matches)? {
        (["run", "authorize"], matches) => {
            Ok(run_order(Scenario::Authorize(plans::authorize(matches)), matches))
        }
        (["run", "flows"], matches) => {
            Ok(run_order(Scenario::Flows(plans::flows(matches)), matches))
        }
        (["run", "mixed"], matches) => {
            Ok(run_order(Scenario::Mixed(plans::mixed(matches)?), matches))
        }
        (["run", "pages"], matches) => {
            Ok(run_order(Scenario::Pages(plans::pages(matches)), matches))
        }
        (["run", "shared"], matches) => {
            Ok(run_order(Scenario::Shared(plans::shared(matches)?), matches))
        }
        (["run", "together"], matches) => {
            Ok(run_order(Scenario::Together(plans::together(matches)), matches))
        }
        (["run", "project"], matches) => {
            Ok(run_order(Scenario::Project(plans::project(matches)), matches))
        }
        (["run", "relayed"], matches) => {
            Ok(run_order(Scenario::Relayed(plans::relayed(matches)), matches))
        }
        (["limit", "fsync"], matches) => {
            Ok(Order::LimitFsync { duration: *given(matches, "duration") })
        }
        (["limit", "http"], matches) => Ok(Order::LimitHttp {
            connections: size(matches, "connections"),
            duration: *given(matches, "duration"),
        }),
        (["limit", "kafka"], matches) => {
            Ok(Order::LimitKafka { records: *given(matches, "records") })
        }
        (["limit", "postgres"], matches) => {
            Ok(Order::LimitPostgres { duration: *given(matches, "duration") })
        }
        (["echo", _], matches) => Ok(Order::Echo { listen: *given(matches, "listen") }),
        ([first, second], _) => Err(Failure::Usage(format!("unknown command {first} {second}"))),
    }
}

/// The names of the command and the command inside it.
fn path(matches: &ArgMatches) -> Result<([&str; 2], &ArgMatches), Failure> {
    let missing = || Failure::Usage("a command is missing: see --help".into());
    let (first, matches) = matches.subcommand().ok_or_else(missing)?;
    Ok(match matches.subcommand() {
        Some((second, inner)) => ([first, second], inner),
        None => ([first, ""], matches),
    })
}

fn run_order(scenario: Scenario, matches: &ArgMatches) -> Order {
    let flags = matches.get_many::<OsString>("flags").unwrap_or_default().cloned().collect();
    let postgres = matches.get_flag("postgres") || scenario.needs_postgres();
    let kafka = matches.get_flag("kafka") || scenario.needs_kafka();
    // Some scenarios have no such flag.
    let target = matches.try_get_one::<SocketAddr>("target").unwrap_or_default();
    let place = match target {
        Some(address) => Place::Running(*address),
        None => Place::Child { postgres, kafka, flags },
    };
    let json = matches.get_one("json").cloned();
    Order::Run(Box::new(RunOrder { scenario, place, json }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Order {
        let words = line.split_whitespace();
        order(&command().try_get_matches_from(words).unwrap()).unwrap()
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn flags_after_two_dashes_go_to_the_server() {
        let Order::Run(order) = parsed("bench run authorize --connections 8 -- --fee-bps 29")
        else {
            panic!("not a run")
        };
        let Place::Child { postgres: false, flags, .. } = order.place else {
            panic!("not a child")
        };
        assert_eq!(flags, ["--fee-bps", "29"]);
        let Scenario::Authorize(plan) = order.scenario else { panic!("not authorize") };
        assert_eq!((plan.connections, plan.merchants), (8, 16));
    }

    #[test]
    fn a_run_is_on_postgres_where_asked_and_where_processes_share_a_ledger() {
        for (line, expected) in [
            ("bench run authorize --postgres -- --role api", true),
            ("bench run mixed", false),
            ("bench run shared --postgres", true),
            ("bench run together", true),
        ] {
            let Order::Run(order) = parsed(line) else { panic!("not a run: {line}") };
            let Place::Child { postgres, .. } = order.place else { panic!("no child: {line}") };
            assert_eq!(postgres, expected, "{line}");
        }
        let words = "bench run authorize --target http://127.0.0.1:1 --postgres";
        assert!(command().try_get_matches_from(words.split_whitespace()).is_err());
    }

    #[test]
    fn flags_for_a_server_that_is_not_started_are_refused() {
        let words = "bench run flows --target http://127.0.0.1:1 -- --fee-bps 29";
        assert!(command().try_get_matches_from(words.split_whitespace()).is_err());
    }
}
