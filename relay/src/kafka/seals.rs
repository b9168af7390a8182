//! Writing to the topic of seals.

use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::seal::ExportedSeal;

use super::KafkaBroker;
use super::beside::Beside;

pub(super) async fn write(
    broker: &KafkaBroker,
    seals: &[ExportedSeal],
    settings: &TopicSettings,
) -> Result<(), BrokerError> {
    let beside = Beside::open(broker, broker.name().seals(), settings).await?;
    for seal in seals {
        let (key, line) = (seal.partition.to_string().into_bytes(), seal.line().into_bytes());
        beside.send(beside.record().key(&key).payload(&line)).await?;
    }
    Ok(())
}
