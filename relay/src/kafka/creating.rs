//! Creating a topic.

use daybook_engine::broker::BrokerError;
use daybook_engine::broker::topic::{FOR_EVER, RECORD_BYTES_MAX, TopicName, TopicSettings};
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::util::Timeout;

use super::{ANSWER_LIMIT, KafkaBroker, asking, failed};

/// Creates it, and returns when it is known; that it was created meanwhile is no error.
pub(super) async fn create(
    broker: &KafkaBroker,
    name: &TopicName,
    partitions: u16,
    settings: &TopicSettings,
) -> Result<(), BrokerError> {
    let retention = match settings.retention {
        FOR_EVER => "-1".to_owned(),
        retention => retention.as_millis().to_string(),
    };
    let record_bytes = RECORD_BYTES_MAX.to_string();
    let replicas = settings.replication_factor.map_or(-1, i32::from);
    let replicas = TopicReplication::Fixed(replicas);
    let topic = NewTopic::new(name.as_str(), i32::from(partitions), replicas)
        .set("cleanup.policy", "delete")
        .set("retention.ms", &retention)
        .set("max.message.bytes", &record_bytes)
        // A replica that is behind must not become the leader: what was acknowledged would go.
        .set("unclean.leader.election.enable", "false");
    let options = AdminOptions::new()
        .request_timeout(Some(Timeout::After(ANSWER_LIMIT)))
        .operation_timeout(Some(Timeout::After(ANSWER_LIMIT)));
    let admin = broker.admin().map_err(|error| failed(&error))?;
    let created = admin.create_topics([&topic], &options).await;
    match created.map_err(|error| failed(&error))?.first() {
        Some(Err((_, code))) if *code != RDKafkaErrorCode::TopicAlreadyExists => {
            Err(match failed(&KafkaError::AdminOp(*code)) {
                BrokerError::Refused(cause) => {
                    BrokerError::Refused(format!("the topic {name} can't be created: {cause}"))
                }
                error => error,
            })
        }
        _ => asking::until_visible(broker, name, usize::from(partitions)).await,
    }
}
