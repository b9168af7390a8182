//! What the projector counts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Default)]
pub struct ProjectionMetrics {
    events: Counter,
    commits: Counter,
    stopped_partitions: Gauge,
    parked_payments: Gauge,
    behind_events: Gauge,
    lag: Gauge<f64, AtomicU64>,
}

impl ProjectionMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("views");
        registry.register("events", "Events applied to the views", self.events.clone());
        registry.register("commits", "Transactions they took", self.commits.clone());
        registry.register(
            "stopped_partitions",
            "Partitions whose views stand still before what must be repaired",
            self.stopped_partitions.clone(),
        );
        registry.register(
            "parked_payments",
            "Payments set aside because an event of theirs can't be processed",
            self.parked_payments.clone(),
        );
        registry.register(
            "behind_events",
            "Events of the held partitions that the views don't show yet",
            self.behind_events.clone(),
        );
        registry.register_with_unit(
            "lag",
            "How long the oldest of them has been in the ledger",
            Unit::Seconds,
            self.lag.clone(),
        );
    }

    pub(super) fn applied(&self, events: usize) {
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        self.commits.inc();
    }

    pub(super) fn parked(&self, payments: u64) {
        self.parked_payments.set(i64::try_from(payments).unwrap_or(i64::MAX));
    }

    pub(super) fn behind(&self, events: u64, lag: Duration) {
        self.behind_events.set(i64::try_from(events).unwrap_or(i64::MAX));
        self.lag.set(lag.as_secs_f64());
    }

    pub(super) fn stopped(&self, partitions: usize) {
        self.stopped_partitions.set(i64::try_from(partitions).unwrap_or(i64::MAX));
    }
}
