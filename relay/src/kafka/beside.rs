//! Writing to the topics beside the one of events. It happens hardly ever, so each time has a producer of
//! its own.

use std::time::Duration;

use daybook_engine::broker::BrokerError;
use daybook_engine::broker::topic::{TopicName, TopicSettings};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::callbacks::Callbacks;
use super::{KafkaBroker, asking, creating, failed};

/// So long until all are acknowledged.
const LIMIT_MS: &str = "10000";
/// How long a full queue is waited for.
const QUEUE_LIMIT: Duration = Duration::from_secs(10);

/// Writes to a topic of one partition.
pub(super) struct Beside {
    topic: TopicName,
    producer: FutureProducer<Callbacks>,
}

impl Beside {
    /// Creates the topic where there is none.
    pub(super) async fn open(
        broker: &KafkaBroker,
        topic: TopicName,
        settings: &TopicSettings,
    ) -> Result<Self, BrokerError> {
        if asking::partitions(broker, &topic).await?.is_none() {
            creating::create(broker, &topic, 1, settings).await?;
        }
        let producer = producer(broker).map_err(|error| failed(&error))?;
        Ok(Self { topic, producer })
    }

    /// A record to be filled in.
    pub(super) fn record(&self) -> FutureRecord<'_, Vec<u8>, Vec<u8>> {
        FutureRecord::to(self.topic.as_str()).partition(0)
    }

    /// Returns when it is acknowledged.
    pub(super) async fn send(
        &self,
        record: FutureRecord<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), BrokerError> {
        let sent = self.producer.send(record, Timeout::After(QUEUE_LIMIT)).await;
        sent.map(|_| ()).map_err(|(error, _)| failed(&error))
    }
}

fn producer(broker: &KafkaBroker) -> KafkaResult<FutureProducer<Callbacks>> {
    let mut config = broker.config();
    config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    config.set("message.timeout.ms", LIMIT_MS);
    config.create_with_context(Callbacks::default())
}
