//! What the feed counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub struct TopicFeedMetrics {
    records: Counter,
    repeats: Counter,
    refilled: Counter,
    dead_letters: Counter,
}

impl TopicFeedMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("views_topic");
        registry.register("records", "Records read from the topic", self.records.clone());
        registry.register("repeats", "Records passed over as known", self.repeats.clone());
        registry.register(
            "refilled",
            "Events read from the ledger instead of the topic",
            self.refilled.clone(),
        );
        registry.register(
            "dead_letters",
            "Records put aside: malformed, foreign, or not what the ledger holds",
            self.dead_letters.clone(),
        );
    }

    pub(super) fn read(&self, records: usize) {
        self.records.inc_by(count(records));
    }

    pub(super) fn repeated(&self) {
        self.repeats.inc();
    }

    pub(super) fn refilled(&self, events: usize) {
        self.refilled.inc_by(count(events));
    }

    pub(super) fn put_aside(&self, records: usize) {
        self.dead_letters.inc_by(count(records));
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
