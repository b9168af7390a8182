//! What the engine counts for `/metrics`.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::ledger::{Append, Appended};

#[derive(Debug)]
pub struct EngineMetrics {
    pub commits: Counter,
    pub events: Counter,
    pub conflicting_batches: Counter,
    pub failed_batches: Counter,
    pub lost_answers: Counter,
    pub refused_overloaded: Counter,
    pub refused_by_acquirer: Counter,
    pub batch_events: Histogram,
    pub commit_seconds: Histogram,
    pub acquirer_calls: Counter,
    pub acquirer_unknown: Counter,
    pub inquiries: Counter,
    pub late_outcomes: Counter,
    pub open_operations: Gauge,
    pub flagged_operations: Gauge,
}

impl Default for EngineMetrics {
    fn default() -> Self {
        Self {
            commits: Counter::default(),
            events: Counter::default(),
            conflicting_batches: Counter::default(),
            failed_batches: Counter::default(),
            lost_answers: Counter::default(),
            refused_overloaded: Counter::default(),
            refused_by_acquirer: Counter::default(),
            batch_events: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            acquirer_calls: Counter::default(),
            acquirer_unknown: Counter::default(),
            inquiries: Counter::default(),
            late_outcomes: Counter::default(),
            open_operations: Gauge::default(),
            flagged_operations: Gauge::default(),
        }
    }
}

impl EngineMetrics {
    /// Puts every figure under its name; `_total` and the unit follow by the format's rules.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("ledger_commits", "Batches committed to the ledger", &self.commits),
            ("ledger_events", "Events appended to the ledger", &self.events),
            (
                "ledger_conflicting_batches",
                "Batches sent again because a version stood there already",
                &self.conflicting_batches,
            ),
            ("ledger_failed_batches", "Batches that were not committed", &self.failed_batches),
            (
                "ledger_lost_answers",
                "Commits whose answer was lost and looked for",
                &self.lost_answers,
            ),
            (
                "engine_overloaded",
                "Requests refused because the queue was full",
                &self.refused_overloaded,
            ),
            (
                "engine_refused_by_acquirer",
                "Requests refused because the acquirer takes no calls",
                &self.refused_by_acquirer,
            ),
            ("acquirer_calls", "Operations sent to the acquirer", &self.acquirer_calls),
            ("acquirer_unknown", "Calls without a definite answer", &self.acquirer_unknown),
            ("acquirer_inquiries", "Inquiries about open operations", &self.inquiries),
            (
                "acquirer_late_outcomes",
                "Answers that contradicted a recorded outcome",
                &self.late_outcomes,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("ledger_batch_events", "Events in one commit", self.batch_events.clone());
        registry.register(
            "ledger_commit_seconds",
            "Time from a batch's start to its answer",
            self.commit_seconds.clone(),
        );
        registry.register(
            "operations_open",
            "Operations without an outcome",
            self.open_operations.clone(),
        );
        registry.register(
            "operations_flagged",
            "Operations that people should look at",
            self.flagged_operations.clone(),
        );
    }

    pub(super) fn committed(&self, batch: &[Append], appended: &[Appended], took: Duration) {
        let written = batch.iter().zip(appended);
        let events: usize = written
            .filter(|(_, answer)| matches!(answer, Appended::At(_)))
            .map(|(append, _)| append.events.len())
            .sum();
        self.commits.inc();
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        self.batch_events.observe(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
        self.commit_seconds.observe(took.as_secs_f64());
    }
}
