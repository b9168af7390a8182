//! What can be run against a server.

pub(crate) mod authorize;
pub(crate) mod flows;
mod lag;
pub(crate) mod mixed;
pub(crate) mod pages;
pub(crate) mod project;
pub(crate) mod relayed;
pub(crate) mod shared;
pub(crate) mod together;

use std::io::{Write as _, stderr};
use std::net::SocketAddr;
use std::time::Duration;

use crate::cli::RunOrder;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::report::{Report, Section};
use crate::server::{ALONE, Checked, Crew, Ready, Servers, Standing, open_files_max};

/// Differences that are written out; the rest is only counted.
const DIFFERENCES_SHOWN: usize = 20;
/// Files that the generator has open beside its connections, at most.
const OTHER_FILES: u64 = 20;

#[derive(Debug)]
pub(crate) enum Scenario {
    Authorize(authorize::Plan),
    Flows(flows::Plan),
    Mixed(mixed::Plan),
    Pages(pages::Plan),
    Project(project::Plan),
    Relayed(relayed::Plan),
    Shared(shared::Plan),
    Together(together::Plan),
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

/// What servers did under a load, and what they left.
#[derive(Debug, Default)]
struct Outcome {
    sections: Vec<Section>,
    requests_per_second: f64,
    differences: Vec<String>,
    /// What `daybook verify` said, once for each ledger.
    verified: Vec<String>,
    /// Why a ledger could not be checked.
    failure: Option<Failure>,
}

/// Runs against servers of its own or a running one, reports, and fails at any difference.
async fn run(order: RunOrder) -> Result<(), Failure> {
    let RunOrder { scenario, place, json } = order;
    room_for(scenario.connections())?;
    let place = place.ready().await?;
    let mut limits = Limits::default();
    if scenario.has_limits() {
        limits.measure(scenario.connections(), place.cluster()).await?;
    }
    let outcome = scenario.outcome(&place).await?;
    if scenario.has_limits() {
        limits.measure(scenario.connections(), place.cluster()).await?;
    }

    let mut report = Report::new(format!("run {}", scenario.name()));
    outcome.sections.into_iter().for_each(|section| report.add(section));
    if scenario.has_limits() {
        report.add(limits.section(outcome.requests_per_second));
    }
    report.print()?;
    if let Some(path) = json {
        report.write_json(&path)?;
    }
    show(&outcome.differences);
    for said in &outcome.verified {
        report.say("verify", said)?;
    }
    match (outcome.failure, outcome.differences.len()) {
        (Some(failure), _) => Err(failure),
        (None, 0) => Ok(()),
        (None, found) => Err(Failure::Differences { found }),
    }
}

/// Opens a crew's servers on a fresh ledger, puts the load on those that take requests, stops them
/// all, and checks what they left.
async fn under_load<F>(place: &Ready, crew: &Crew, load: F) -> Result<Outcome, Failure>
where
    F: AsyncFnOnce(&[SocketAddr]) -> Findings,
{
    let servers = Servers::open(place, crew).await?;
    let before = servers.standing().await;
    let findings = load(&servers.addresses).await;
    let after = servers.standing().await;
    let mut outcome = finished(findings, servers).await;
    outcome.sections.extend(Standing::sections(&before, &after));
    Ok(outcome)
}

/// Stops the servers and checks what they left.
async fn finished(findings: Findings, servers: Servers) -> Outcome {
    let (checked, failure) = match servers.stop().await {
        Ok(checked) => (checked, None),
        // The figures are still worth showing.
        Err(failure) => (Checked::default(), Some(failure)),
    };
    Outcome {
        sections: findings.sections,
        requests_per_second: findings.requests_per_second,
        differences: [findings.differences, checked.differences].concat(),
        verified: Vec::from_iter(checked.verified),
        failure,
    }
}

impl Scenario {
    async fn outcome(&self, place: &Ready) -> Result<Outcome, Failure> {
        match self {
            Self::Authorize(plan) => {
                under_load(place, ALONE, async |servers| authorize::run(servers, plan).await).await
            }
            Self::Flows(plan) => {
                under_load(place, ALONE, async |servers| flows::run(servers[0], plan).await).await
            }
            Self::Mixed(plan) => {
                under_load(place, ALONE, async |servers| mixed::run(servers[0], plan).await).await
            }
            Self::Pages(plan) => {
                under_load(place, ALONE, async |servers| pages::run(servers[0], plan).await).await
            }
            Self::Project(plan) => project::run(place, plan).await,
            Self::Relayed(plan) => {
                let load = async |servers: &[SocketAddr]| relayed::run(servers, plan).await;
                under_load(place, ALONE, load).await
            }
            Self::Shared(plan) => {
                let load = async |servers: &[SocketAddr]| shared::run(servers, plan).await;
                under_load(place, shared::CREW, load).await
            }
            Self::Together(plan) => together::run(place, plan).await,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Flows(_) => "flows",
            Self::Mixed(_) => "mixed",
            Self::Pages(_) => "pages",
            Self::Project(_) => "project",
            Self::Relayed(_) => "relayed",
            Self::Shared(_) => "shared",
            Self::Together(_) => "together",
        }
    }

    /// Whether several processes share its ledger, which SQLite's lock refuses.
    pub(crate) const fn needs_postgres(&self) -> bool {
        matches!(self, Self::Shared(_) | Self::Together(_) | Self::Relayed(_))
    }

    /// Whether the machine's limits are measured beside it.
    const fn has_limits(&self) -> bool {
        matches!(self, Self::Authorize(_) | Self::Relayed(_))
    }

    /// Whether it is about a topic.
    pub(crate) const fn needs_kafka(&self) -> bool {
        matches!(self, Self::Relayed(_))
    }

    /// How many are open at a time, as far as the plan says.
    const fn connections(&self) -> usize {
        match self {
            Self::Authorize(plan) => plan.connections,
            Self::Flows(_) => 0,
            Self::Mixed(plan) => plan.in_flight,
            Self::Pages(plan) => plan.connections.saturating_add(1),
            Self::Project(plan) => plan.connections,
            Self::Relayed(plan) => plan.connections,
            Self::Shared(plan) => plan.connections.saturating_mul(2),
            Self::Together(plan) => plan.connections,
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
