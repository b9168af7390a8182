//! Kafka, by librdkafka. This file and its folder are all that knows it.

mod asking;
mod beside;
mod callbacks;
mod creating;
mod dead_letters;
mod options;
mod producer;
mod reader;
mod seals;

pub use options::KafkaOptions;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use self::callbacks::Callbacks;
use daybook_engine::broker::topic::{TopicFacts, TopicName, TopicSettings};
use daybook_engine::broker::{Broker, BrokerError, Deliveries, Offsets, Producer, Reader};
use daybook_engine::record::DeadLetter;
use daybook_engine::seal::ExportedSeal;

/// How long a question is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Where Kafka is, and how to speak to it.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `HOST:PORT`, several by commas: any of them tells of the others.
    pub brokers: String,
    pub topic: TopicName,
    pub options: KafkaOptions,
}

/// One topic of a Kafka cluster.
#[derive(Clone, Debug)]
pub struct KafkaBroker {
    settings: Arc<KafkaSettings>,
}

impl KafkaBroker {
    /// Checks the settings; nothing is connected yet.
    ///
    /// # Errors
    /// When librdkafka refuses an option.
    pub fn new(settings: KafkaSettings) -> Result<Self, BrokerError> {
        let broker = Self { settings: Arc::new(settings) };
        let deliveries = Arc::new(Deliveries::new(0));
        producer::open(&broker, deliveries).map_err(|error| failed(&error))?;
        reader::open(&broker, &[]).map_err(|error| failed(&error))?;
        Ok(broker)
    }

    fn topic_name(&self) -> &str {
        self.settings.topic.as_str()
    }

    /// What every client of this cluster is told.
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.settings.brokers)
            .set("client.id", "daybook")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "1000");
        self.settings.options.apply(&mut config);
        config
    }

    fn admin(&self) -> Result<AdminClient<Callbacks>, KafkaError> {
        self.config().create_with_context(Callbacks::default())
    }
}

fn failed(error: &KafkaError) -> BrokerError {
    use RDKafkaErrorCode as Code;
    let is_unreachable = matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::NetworkException
                | Code::TimedOutQueue
                | Code::BrokerNotAvailable
        )
    );
    if is_out_of_range(error) {
        BrokerError::OutOfRange(error.to_string())
    } else if is_unreachable {
        BrokerError::Unreachable(error.to_string())
    } else {
        BrokerError::Refused(error.to_string())
    }
}

/// Whether the topic, or the part of it that was asked for, is not there any more.
fn is_out_of_range(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::NoOffset
                | Code::LogTruncation
                | Code::UnknownPartition
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
        )
    )
}

fn number(partition: Partition) -> i32 {
    i32::from(partition.number())
}

#[async_trait]
impl Broker for KafkaBroker {
    fn name(&self) -> &TopicName {
        &self.settings.topic
    }

    async fn topic(&self) -> Result<Option<TopicFacts>, BrokerError> {
        let Some(partitions) = asking::partitions(self, self.name()).await? else {
            return Ok(None);
        };
        Ok(Some(TopicFacts { partitions, policy: asking::policy(self).await }))
    }

    async fn create_topic(
        &self,
        partitions: u16,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        creating::create(self, self.name(), partitions, settings).await
    }

    async fn offsets(&self, partitions: &[Partition]) -> Result<Vec<Offsets>, BrokerError> {
        asking::offsets(self, partitions).await
    }

    fn producer(&self, deliveries: Arc<Deliveries>) -> Result<Box<dyn Producer>, BrokerError> {
        let producer = producer::open(self, deliveries).map_err(|error| failed(&error))?;
        Ok(Box::new(producer))
    }

    fn reader(&self, from: &[(Partition, u64)]) -> Result<Box<dyn Reader>, BrokerError> {
        let reader = reader::open(self, from).map_err(|error| failed(&error))?;
        Ok(Box::new(reader))
    }

    async fn write_dead_letters(
        &self,
        letters: &[DeadLetter],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        dead_letters::write(self, letters, settings).await
    }

    async fn write_seals(
        &self,
        seals: &[ExportedSeal],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        seals::write(self, seals, settings).await
    }
}
