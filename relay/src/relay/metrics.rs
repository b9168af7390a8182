//! What the relay counts.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Outbox;
use crate::breaker::BreakerState;

type StateLabel = [(&'static str, &'static str); 1];

#[derive(Clone, Debug, Default)]
pub struct RelayMetrics {
    published: Counter,
    sessions: Counter,
    outbox_events: Gauge,
    outbox_age: Gauge<f64, AtomicU64>,
    breaker: Family<StateLabel, Gauge>,
    breaker_changes: Family<StateLabel, Counter>,
}

impl RelayMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("relay");
        registry.register(
            "published",
            "Records that the topic has acknowledged",
            self.published.clone(),
        );
        registry.register(
            "sessions",
            "Producers opened: the first, and one after each failure",
            self.sessions.clone(),
        );
        registry.register(
            "outbox_events",
            "Events of the held partitions that are not published yet",
            self.outbox_events.clone(),
        );
        registry.register_with_unit(
            "outbox_age",
            "How long the oldest of them has been in the ledger",
            Unit::Seconds,
            self.outbox_age.clone(),
        );
        registry.register(
            "breaker",
            "1 for the state that the breaker is in: closed, half_open or open",
            self.breaker.clone(),
        );
        registry.register(
            "breaker_changes",
            "How often the breaker came into a state",
            self.breaker_changes.clone(),
        );
    }

    /// Records that were acknowledged so far.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.get()
    }

    pub(super) fn acknowledged(&self, records: usize) {
        self.published.inc_by(records as u64);
    }

    pub(super) fn session(&self) {
        self.sessions.inc();
    }

    pub(super) fn outbox(&self, outbox: Outbox) {
        self.outbox_events.set(i64::try_from(outbox.events).unwrap_or(i64::MAX));
        self.outbox_age.set(outbox.age.as_secs_f64());
    }

    pub(super) fn breaker(&self, now: BreakerState) {
        for state in BreakerState::ALL {
            let is_now = i64::from(state == now);
            self.breaker.get_or_create(&[("state", state.as_str())]).set(is_now);
        }
        self.breaker_changes.get_or_create(&[("state", now.as_str())]).inc();
    }
}
