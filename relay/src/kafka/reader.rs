//! Reading partitions from given offsets, without a consumer group: nobody else moves them, and
//! nothing is committed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::callbacks::Callbacks;
use super::{KafkaBroker, failed, is_out_of_range, number};
use daybook_engine::broker::{BrokerError, Reader};
use daybook_engine::record::TopicRecord;

const SETTINGS: &[(&str, &str)] = &[
    // librdkafka assigns no partition without a group's name; nobody ever joins it.
    ("group.id", "daybook-reader"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    // Offsets that are not there any more are an error, never a jump.
    ("auto.offset.reset", "error"),
    ("check.crcs", "true"),
];

const DEFAULTS: &[(&str, &str)] = &[
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "20"),
    ("queued.max.messages.kbytes", "16384"),
    // Partitions come by turns: what is read at once is of several, which are written side by side.
    ("max.partition.fetch.bytes", "65536"),
];

pub(super) struct KafkaReader {
    consumer: Arc<BaseConsumer<Callbacks>>,
}

pub(super) fn open(broker: &KafkaBroker, from: &[(Partition, u64)]) -> KafkaResult<KafkaReader> {
    let mut config = broker.config();
    for (name, value) in DEFAULTS {
        if config.get(name).is_none() {
            config.set(*name, *value);
        }
    }
    for (name, value) in SETTINGS {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer<Callbacks> = config.create_with_context(Callbacks::default())?;
    let mut partitions = TopicPartitionList::with_capacity(from.len());
    for (partition, offset) in from {
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        partitions.add_partition_offset(broker.topic_name(), number(*partition), offset)?;
    }
    if !from.is_empty() {
        consumer.assign(&partitions)?;
    }
    Ok(KafkaReader { consumer: Arc::new(consumer) })
}

#[async_trait]
impl Reader for KafkaReader {
    async fn next(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<TopicRecord>, BrokerError> {
        let consumer = Arc::clone(&self.consumer);
        let reading = tokio::task::spawn_blocking(move || read(&consumer, limit, patience));
        let ended_early = |error| BrokerError::Unreachable(format!("a read ended early: {error}"));
        reading.await.map_err(ended_early)?
    }

    async fn close(self: Box<Self>) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

fn read(
    consumer: &BaseConsumer<Callbacks>,
    limit: usize,
    patience: Duration,
) -> Result<Vec<TopicRecord>, BrokerError> {
    let deadline = Instant::now() + patience;
    let mut records = Vec::new();
    let mut trouble = None;
    while records.len() < limit {
        // Waits for the first one, and takes of the others what is there.
        let wait = if records.is_empty() {
            deadline.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        match consumer.poll(wait) {
            Some(Ok(message)) => records.push(detach(&message)),
            Some(Err(error)) if is_final(&error) => return Err(failed(&error)),
            // librdkafka tries again by itself.
            Some(Err(error)) => trouble = Some(error),
            None => break,
        }
    }
    match trouble {
        Some(error) if records.is_empty() => Err(BrokerError::Unreachable(
            consumer.context().last_error().unwrap_or_else(|| error.to_string()),
        )),
        _ => Ok(records),
    }
}

/// Whether reading on from there will never work.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    is_out_of_range(error)
        || matches!(error.rdkafka_error_code(), Some(Code::TopicAuthorizationFailed | Code::Fatal))
}

fn detach(message: &BorrowedMessage<'_>) -> TopicRecord {
    let headers = message.headers();
    let headers = headers.map(|headers| {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
        };
        headers.iter().map(header).collect()
    });
    TopicRecord {
        partition: Partition::new(u16::try_from(message.partition()).unwrap_or(u16::MAX)),
        offset: u64::try_from(message.offset()).unwrap_or(0),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
