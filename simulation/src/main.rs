//! The command line of the simulation.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use daybook_simulation::{Defect, Keep, Report, run, run_many};

fn command() -> Command {
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).help(help).value_parser(value_parser!(u64))
    };
    let defects: Vec<&str> = Defect::ALL.iter().map(|defect| defect.as_str()).collect();
    Command::new("simulation")
        .about("Runs a whole Daybook in one thread, with everything going wrong, as its seed says")
        .arg(number("seed", "Run this one").conflicts_with_all(["seeds", "from"]))
        .arg(number("seeds", "Run so many").default_value("1000"))
        .arg(number("from", "Beginning with this one").default_value("1"))
        .arg(number("threads", "Run so many at a time"))
        .arg(
            Arg::new("trace")
                .long("trace")
                .help("Print what happened, step by step")
                .action(ArgAction::SetTrue)
                .requires("seed"),
        )
        .arg(
            Arg::new("log")
                .long("log")
                .help("Print what the processes log to standard error, without times")
                .action(ArgAction::SetTrue)
                .requires("seed"),
        )
        .arg(
            Arg::new("defect")
                .long("defect")
                .help("Plant this bug, to see it caught")
                .value_parser(defects),
        )
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let mut out = io::stdout().lock();
    let is_clean = simulate(&matches, &mut out);
    match is_clean {
        Ok(true) => ExitCode::SUCCESS,
        // Nobody reads any more, or a rule was broken.
        Ok(false) | Err(_) => ExitCode::from(1),
    }
}

fn simulate(matches: &ArgMatches, out: &mut impl Write) -> io::Result<bool> {
    let named = matches.get_one::<String>("defect");
    let defect =
        Defect::ALL.iter().copied().find(|defect| named.is_some_and(|n| n == defect.as_str()));
    if let Some(seed) = matches.get_one::<u64>("seed") {
        if matches.get_flag("log") {
            tracing_subscriber::fmt().without_time().with_writer(io::stderr).init();
        }
        let keep = if matches.get_flag("trace") { Keep::Lines } else { Keep::Hash };
        let report = run(*seed, defect, keep);
        for line in &report.trace {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "trace {}", report.hash)?;
        return tell(&report, defect, out);
    }
    let number = |name: &str| matches.get_one::<u64>(name).copied();
    let (first, count) = (number("from").unwrap_or(1), number("seeds").unwrap_or(1));
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = number("threads").and_then(|count| usize::try_from(count).ok());
    let began = std::time::Instant::now();
    let (coverage, failed) = run_many(first, count, defect, threads.unwrap_or(cores));
    write!(out, "{coverage}")?;
    let seconds = began.elapsed().as_secs().max(1);
    writeln!(out, "in {seconds} s ({} seeds/s)", coverage.runs / seconds)?;
    if let Some(report) = failed {
        return tell(&report, defect, out);
    }
    let missing = coverage.missing(count / 10);
    for what in &missing {
        writeln!(out, "not covered: {what}")?;
    }
    Ok(missing.is_empty())
}

/// What a run came to, and how to see it again.
fn tell(report: &Report, defect: Option<Defect>, out: &mut impl Write) -> io::Result<bool> {
    let Report { seed, breaches, ended_at_ms, .. } = report;
    if breaches.is_empty() {
        writeln!(out, "seed {seed}: no rule was broken in {ended_at_ms} simulated ms")?;
        return Ok(true);
    }
    writeln!(out, "seed {seed}: {} rules broken", breaches.len())?;
    for breach in breaches {
        writeln!(out, "  {breach}")?;
    }
    let planted = defect.map(|defect| format!(" --defect {}", defect.as_str())).unwrap_or_default();
    writeln!(out, "again: cargo run --release -p simulation -- --seed {seed} --trace{planted}")?;
    Ok(false)
}
