//! Writing to the topic beside. It happens hardly ever, so each time has a producer of its own.

use std::time::Duration;

use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::record::DeadLetter;
use rdkafka::error::KafkaResult;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::callbacks::Callbacks;
use super::{KafkaBroker, asking, creating, failed};

/// So long until all are acknowledged.
const LIMIT_MS: &str = "10000";
/// How long a full queue is waited for.
const QUEUE_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn write(
    broker: &KafkaBroker,
    letters: &[DeadLetter],
    settings: &TopicSettings,
) -> Result<(), BrokerError> {
    let topic = broker.name().dead_letters();
    if asking::partitions(broker, &topic).await?.is_none() {
        creating::create(broker, &topic, 1, settings).await?;
    }
    let producer = open(broker).map_err(|error| failed(&error))?;
    for letter in letters {
        let headers = letter.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref() })
        });
        let mut record =
            FutureRecord::<Vec<u8>, Vec<u8>>::to(topic.as_str()).partition(0).headers(headers);
        record.key = letter.key.as_ref();
        record.payload = letter.value.as_ref();
        let sent = producer.send(record, Timeout::After(QUEUE_LIMIT)).await;
        sent.map_err(|(error, _)| failed(&error))?;
    }
    Ok(())
}

fn open(broker: &KafkaBroker) -> KafkaResult<FutureProducer<Callbacks>> {
    let mut config = broker.config();
    config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    config.set("message.timeout.ms", LIMIT_MS);
    config.create_with_context(Callbacks::default())
}
