//! Questions about the topic. Each has a client of its own, which ends with it: one that is kept
//! collects log lines that nobody takes.

use std::time::Duration;

use daybook_engine::ids::Partition;
use rdkafka::admin::{AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;
use tokio::time::{Instant, sleep};

use super::callbacks::Callbacks;
use super::{ANSWER_LIMIT, KafkaBroker, failed, number};
use daybook_engine::broker::topic::{TopicName, TopicPolicy};
use daybook_engine::broker::{Broker, BrokerError, Offsets};

/// Between two looks for a topic that was just created.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks on a thread that may wait. A consumer asks, because a producer's question creates the topic
/// where the brokers allow it, with any number of partitions.
async fn ask<T: Send + 'static>(
    broker: &KafkaBroker,
    topic: &TopicName,
    question: impl FnOnce(&BaseConsumer<Callbacks>, &str) -> KafkaResult<T> + Send + 'static,
) -> Result<T, BrokerError> {
    let (broker, topic) = (broker.clone(), topic.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let callbacks = Callbacks::default();
        let consumer = BaseConsumer::from_config_and_context(&broker.config(), callbacks);
        let consumer = consumer.map_err(|error| failed(&error))?;
        question(&consumer, topic.as_str()).map_err(|error| {
            // Why a connection failed is only told to who polls.
            while consumer.poll(Duration::ZERO).is_some() {}
            match (failed(&error), consumer.context().last_error()) {
                (BrokerError::Unreachable(cause), Some(last)) => {
                    BrokerError::Unreachable(format!("{cause} ({last})"))
                }
                (error, _) => error,
            }
        })
    });
    let ended_early =
        |error| BrokerError::Unreachable(format!("the question ended early: {error}"));
    asked.await.map_err(ended_early)?
}

/// How many partitions the topic has; `None` where there is none.
pub(super) async fn partitions(
    broker: &KafkaBroker,
    topic: &TopicName,
) -> Result<Option<usize>, BrokerError> {
    ask(broker, topic, |consumer, topic| {
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let Some(found) = found else { return Ok(None) };
        match found.error() {
            None => Ok(Some(found.partitions().len())),
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(None),
            Some(error) => Err(KafkaError::MetadataFetch(error.into())),
        }
    })
    .await
}

/// Waits until every broker that is asked knows the topic.
pub(super) async fn until_visible(
    broker: &KafkaBroker,
    topic: &TopicName,
    count: usize,
) -> Result<(), BrokerError> {
    let deadline = Instant::now() + ANSWER_LIMIT;
    while partitions(broker, topic).await?.is_none_or(|found| found < count) {
        if Instant::now() >= deadline {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

pub(super) async fn offsets(
    broker: &KafkaBroker,
    partitions: &[Partition],
) -> Result<Vec<Offsets>, BrokerError> {
    let partitions = partitions.to_vec();
    ask(broker, broker.name(), move |consumer, topic| {
        let of = |partition: Partition| {
            let (first, end) = consumer.fetch_watermarks(topic, number(partition), ANSWER_LIMIT)?;
            let offset = |found: i64| {
                let unknown = KafkaError::OffsetFetch(RDKafkaErrorCode::Unknown);
                u64::try_from(found).map_err(|_| unknown)
            };
            Ok(Offsets { partition, first: offset(first)?, end: offset(end)? })
        };
        partitions.into_iter().map(of).collect()
    })
    .await
}

/// What the brokers do with the topic's records; `None` where they don't say.
pub(super) async fn policy(broker: &KafkaBroker) -> Option<TopicPolicy> {
    match describe(broker).await {
        Ok(found) => read_policy(&found),
        Err(cause) => {
            tracing::debug!(%cause, "the topic's settings can't be read, and are not checked");
            None
        }
    }
}

async fn describe(broker: &KafkaBroker) -> Result<ConfigResource, KafkaError> {
    let admin = broker.admin()?;
    let options = AdminOptions::new().request_timeout(Some(Timeout::After(ANSWER_LIMIT)));
    let topic = ResourceSpecifier::Topic(broker.topic_name());
    let described = admin.describe_configs([&topic], &options).await?;
    let first = described.into_iter().next().ok_or(KafkaError::Canceled)?;
    first.map_err(KafkaError::AdminOp)
}

fn read_policy(found: &ConfigResource) -> Option<TopicPolicy> {
    let entries = found.entry_map();
    let value = |name: &str| entries.get(name).and_then(|entry| entry.value.as_deref());
    // -1 is for ever, which is no duration.
    let retention = value("retention.ms").and_then(|millis| millis.parse().ok());
    Some(TopicPolicy {
        record_bytes_max: value("max.message.bytes")?.parse().ok()?,
        is_compacted: value("cleanup.policy")?.contains("compact"),
        retention: retention.map(Duration::from_millis),
    })
}
