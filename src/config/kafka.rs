//! Kafka's settings, and the relay's towards it.

use std::time::Duration;

use daybook_engine::broker::topic::TopicSettings;
use daybook_relay::RelaySettings;
use daybook_relay::breaker::Backoff;
use daybook_relay::kafka::KafkaSettings;

use super::parse::{self, Reader};

/// Where the ledger is published, and how.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    pub(crate) cluster: KafkaSettings,
    pub(crate) relay: RelaySettings,
}

impl Kafka {
    /// `None` without brokers; the other settings are checked all the same.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let brokers = reader.optional("kafka-brokers", parse::brokers);
        let topic = reader.optional("kafka-topic", parse::topic);
        let options = reader.optional("kafka-option", parse::kafka_options);
        let retention = reader.seconds("kafka-retention-s").max(Duration::from_secs(1));
        let replication_factor =
            reader.optional("kafka-replication-factor", parse::replication_factor);
        let first = reader.some_millis("relay-backoff-ms");
        let max = reader.some_millis("relay-backoff-max-ms").max(first);
        let acknowledgement_limit = reader.some_millis("relay-acknowledgement-ms");
        Some(Self {
            cluster: KafkaSettings {
                brokers: brokers?,
                topic: topic?,
                options: options.unwrap_or_default(),
            },
            relay: RelaySettings {
                topic: TopicSettings { retention, replication_factor },
                backoff: Backoff { first, max },
                acknowledgement_limit,
                ..RelaySettings::default()
            },
        })
    }
}
