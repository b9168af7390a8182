//! What servers, and those beside them on the machine, have used and written at one time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::{LedgerCounters, Process, Usage, cpu_of_machine};
use crate::postgres::Cluster;
use crate::report::Section;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    at: Instant,
    /// The sum over all of a run's own processes.
    usage: Option<Usage>,
    ledger: Option<LedgerCounters>,
    /// Processor time of Postgres, of this generator, and of the whole machine.
    postgres: Option<Duration>,
    generator: Option<Duration>,
    machine: Option<Duration>,
}

impl Standing {
    pub(super) async fn of(processes: &[Process], cluster: Option<&Cluster>) -> Self {
        let usages: Option<Vec<_>> =
            processes.iter().map(|process| Usage::of(&process.pid())).collect();
        let addresses: Vec<_> = processes.iter().map(|process| process.address).collect();
        Self {
            usage: usages.and_then(|usages| usages.into_iter().reduce(Usage::and)),
            postgres: cluster.and_then(Cluster::cpu),
            ..Self::of_running(&addresses).await
        }
    }

    /// Without what only a run's own processes tell.
    pub(super) async fn of_running(addresses: &[SocketAddr]) -> Self {
        let mut ledger = None;
        for address in addresses {
            // A process that appends nothing need not count.
            if let Some(counters) = LedgerCounters::read(*address).await {
                ledger = Some(ledger.map_or(counters, |sum| counters.and(sum)));
            }
        }
        Self {
            at: Instant::now(),
            usage: None,
            ledger,
            postgres: None,
            generator: Usage::of("self").map(|usage| usage.cpu),
            machine: cpu_of_machine(),
        }
    }

    /// What was used and written from the one to the other.
    pub(crate) fn sections(before: &Self, after: &Self) -> [Section; 2] {
        [Self::server(before, after), Self::processors(before, after)]
    }

    fn server(before: &Self, after: &Self) -> Section {
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

    /// How many processors each used on the average, checks included.
    fn processors(before: &Self, after: &Self) -> Section {
        let elapsed = after.at.duration_since(before.at).as_secs_f64();
        let mut section = Section::new("processorsUsed");
        let cpu = |standing: &Self| standing.usage.map(|usage| usage.cpu);
        for (name, before, after) in [
            ("server", cpu(before), cpu(after)),
            ("postgres", before.postgres, after.postgres),
            ("generator", before.generator, after.generator),
            ("wholeMachine", before.machine, after.machine),
        ] {
            match (before, after) {
                (Some(before), Some(after)) => {
                    section.ratio(name, after.saturating_sub(before).as_secs_f64(), elapsed);
                }
                _ => section.missing(name),
            }
        }
        section
    }
}
