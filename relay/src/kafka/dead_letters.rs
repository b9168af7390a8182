//! Writing to the topic of dead letters.

use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::record::DeadLetter;
use rdkafka::message::{Header, OwnedHeaders};

use super::KafkaBroker;
use super::beside::Beside;

pub(super) async fn write(
    broker: &KafkaBroker,
    letters: &[DeadLetter],
    settings: &TopicSettings,
) -> Result<(), BrokerError> {
    let beside = Beside::open(broker, broker.name().dead_letters(), settings).await?;
    for letter in letters {
        let headers = letter.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref() })
        });
        let mut record = beside.record().headers(headers);
        record.key = letter.key.as_ref();
        record.payload = letter.value.as_ref();
        beside.send(record).await?;
    }
    Ok(())
}
