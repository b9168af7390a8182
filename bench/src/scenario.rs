//! What can be run against a server.

pub(crate) mod authorize;
pub(crate) mod flows;
pub(crate) mod mixed;

use std::io::{Write as _, stderr};
use std::time::Duration;

use crate::cli::RunOrder;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::report::{Report, Section};
use crate::server::{Server, Standing, open_files_max};

/// Differences that are written out; the rest is only counted.
const DIFFERENCES_SHOWN: usize = 20;
/// Files that the generator has open beside its connections, at most.
const OTHER_FILES: u64 = 20;

#[derive(Debug)]
pub(crate) enum Scenario {
    Authorize(authorize::Plan),
    Flows(flows::Plan),
    Mixed(mixed::Plan),
}

/// What a scenario found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) sections: Vec<Section>,
    pub(crate) requests_per_second: f64,
    /// Where the server did not do what it should, one sentence each.
    pub(crate) differences: Vec<String>,
}

/// [`run`], or `Interrupted` at SIGINT; then too the server is ended and its data removed.
pub(crate) async fn run_until_interrupted(order: RunOrder) -> Result<(), Failure> {
    tokio::select! {
        done = run(order) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

/// Runs against a server of its own or a running one, reports, and fails at any difference.
async fn run(order: RunOrder) -> Result<(), Failure> {
    let RunOrder { scenario, place, json } = order;
    room_for(scenario.connections())?;
    let place = place.ready().await?;
    let limits = match &scenario {
        Scenario::Authorize(plan) => Some(Limits::measure(plan.connections).await?),
        Scenario::Flows(_) | Scenario::Mixed(_) => None,
    };
    let server = Server::open(place).await?;
    let before = server.standing().await;
    let findings = match &scenario {
        Scenario::Authorize(plan) => authorize::run(server.address, plan).await,
        Scenario::Flows(plan) => flows::run(server.address, plan).await,
        Scenario::Mixed(plan) => mixed::run(server.address, plan).await,
    };
    let after = server.standing().await;
    let stopped = server.stop().await;

    let mut report = Report::new(format!("run {}", scenario.name()));
    findings.sections.into_iter().for_each(|section| report.add(section));
    report.add(server_section(before, after));
    if let Some(limits) = limits {
        report.add(limits.section(findings.requests_per_second));
    }
    report.print()?;
    if let Some(path) = json {
        report.write_json(&path)?;
    }
    show(&findings.differences);
    if let Some(said) = stopped? {
        report.say("verify", &said)?;
    }
    match findings.differences.len() {
        0 => Ok(()),
        found => Err(Failure::Differences { found }),
    }
}

impl Scenario {
    const fn name(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Flows(_) => "flows",
            Self::Mixed(_) => "mixed",
        }
    }

    /// How many are open at a time, as far as the plan says.
    const fn connections(&self) -> usize {
        match self {
            Self::Authorize(plan) => plan.connections,
            Self::Flows(_) => 0,
            Self::Mixed(plan) => plan.in_flight,
        }
    }
}

/// Each connection is an open file; out of them, the generator would count its own errors.
fn room_for(connections: usize) -> Result<(), Failure> {
    match open_files_max() {
        Some(max) if max < connections as u64 + OTHER_FILES => Err(Failure::Usage(format!(
            "{connections} connections need more than the {max} open files that this shell allows: \
             raise it with `ulimit -n {}`",
            connections as u64 + OTHER_FILES
        ))),
        _ => Ok(()),
    }
}

fn server_section(before: Standing, after: Standing) -> Section {
    let mut section = Section::new("server");
    match (before.usage, after.usage) {
        (Some(before), Some(after)) => {
            section.number("residentMiB", after.resident_kib as f64 / 1024.0);
            section.number("residentPeakMiB", after.resident_peak_kib as f64 / 1024.0);
            section.seconds("cpuSeconds", after.cpu.saturating_sub(before.cpu));
        }
        _ => section.all_missing(&["residentMiB", "residentPeakMiB", "cpuSeconds"]),
    }
    match (before.ledger, after.ledger) {
        (Some(before), Some(after)) => {
            let written = after.since(before);
            section.count("commits", written.commits);
            section.ratio("eventsPerCommit", written.events as f64, written.commits as f64);
        }
        _ => section.all_missing(&["commits", "eventsPerCommit"]),
    }
    section
}

fn show(differences: &[String]) {
    for difference in differences.iter().take(DIFFERENCES_SHOWN) {
        // The exit code tells it too.
        let _ = writeln!(stderr(), "difference: {difference}");
    }
    if differences.len() > DIFFERENCES_SHOWN {
        let _ = writeln!(stderr(), "and {} more", differences.len() - DIFFERENCES_SHOWN);
    }
}

/// A request in so many seconds, and zero for none.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}
