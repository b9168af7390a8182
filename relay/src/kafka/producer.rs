//! Producing, in order and without gaps.

use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, ThreadedProducer};

use super::callbacks::{Callbacks, pack};
use super::{KafkaBroker, number};
use daybook_engine::broker::{Deliveries, NotSent, Producer};
use daybook_engine::record::Record;

/// How order and safety are kept: nothing here is the operator's to change.
const GUARANTEES: &[(&str, &str)] = &[
    // A partition's records are written in the order given, and a retry writes none twice.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // A record that timed out while later ones are written is a gap: none does.
    ("message.timeout.ms", "0"),
    // Nor is one that fails for another reason: everything behind it fails too.
    ("enable.gapless.guarantee", "true"),
];

/// What only speed and memory depend on.
const DEFAULTS: &[(&str, &str)] = &[
    ("linger.ms", "5"),
    ("compression.type", "lz4"),
    // Below the smallest limit that a topic may have.
    ("batch.size", "262144"),
    // The relay bounds what is in flight; these bound its bytes, and what a mistake could cost.
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "131072"),
];

/// A header's value is allocated for each record; so many are there.
const HEADERS: usize = 11;

pub(super) struct KafkaProducer {
    topic: String,
    producer: ThreadedProducer<Callbacks>,
}

pub(super) fn open(
    broker: &KafkaBroker,
    deliveries: Arc<Deliveries>,
) -> KafkaResult<KafkaProducer> {
    let mut config = broker.config();
    for (name, value) in DEFAULTS {
        if config.get(name).is_none() {
            config.set(*name, *value);
        }
    }
    for (name, value) in GUARANTEES {
        config.set(*name, *value);
    }
    let producer = config.create_with_context(Callbacks::of_producer(deliveries))?;
    Ok(KafkaProducer { topic: broker.topic_name().to_owned(), producer })
}

#[async_trait]
impl Producer for KafkaProducer {
    fn send(&self, record: &Record<'_>) -> Result<(), NotSent> {
        let headers = OwnedHeaders::new_with_capacity(HEADERS);
        let headers = record.headers().fold(headers, |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let opaque = pack(record.partition, record.position);
        let sent = self.producer.send(
            BaseRecord::with_opaque_to(&self.topic, opaque)
                .partition(number(record.partition))
                .key(record.key)
                .payload(record.value)
                .headers(headers),
        );
        sent.map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => NotSent::Full,
            error => NotSent::Failed(error.to_string()),
        })
    }

    async fn close(self: Box<Self>) {
        // Dropping it gives up what is in flight and waits for its threads.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
