//! A client of Kafka that knows nothing of the relay: what anybody may do to a topic.

use std::time::Duration;

use daybook_engine::broker::Broker;
use daybook_engine::ids::Partition;
use daybook_engine::record::TopicRecord;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::stage::{LONG, Stage};

impl Stage {
    fn raw_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.raw_config().create().expect("an admin client")
    }

    /// Writes this record at its partition's end.
    pub(crate) async fn produce_raw(&self, record: &TopicRecord) {
        let producer: FutureProducer = self.raw_config().create().expect("a producer");
        let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref() })
        });
        let mut raw = FutureRecord::<Vec<u8>, Vec<u8>>::to(self.topic.as_str())
            .partition(i32::from(record.partition.number()))
            .headers(headers);
        raw.key = record.key.as_ref();
        raw.payload = record.value.as_ref();
        producer.send(raw, LONG).await.map_err(|(error, _)| error).expect("it is delivered");
    }

    /// Everything a partition holds.
    pub(crate) async fn records(&self, partition: Partition) -> Vec<TopicRecord> {
        let offsets = self.broker.offsets(&[partition]).await.expect("offsets")[0];
        let mut reader = self.broker.reader(&[(partition, offsets.first)]).expect("a reader");
        let mut records: Vec<TopicRecord> = Vec::new();
        while records.last().map_or(offsets.first, |last| last.offset + 1) < offsets.end {
            records.extend(reader.next(1_000, Duration::from_secs(5)).await.expect("records"));
        }
        reader.close().await;
        records
    }

    pub(crate) async fn delete_topic(&self) {
        let options = AdminOptions::new().operation_timeout(Some(LONG));
        let deleted = self.admin().delete_topics(&[self.topic.as_str()], &options).await;
        deleted.expect("an answer")[0].as_ref().expect("it is deleted");
        while self.broker.topic().await.expect("an answer").is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Replaces the topic by one in which this partition holds what `change` makes of it.
    pub(crate) async fn rewrite(
        &self,
        partition: Partition,
        change: impl FnOnce(&mut Vec<TopicRecord>),
    ) {
        let mut everything = Vec::new();
        for number in 0..super::book::PARTITIONS {
            everything.push(self.records(Partition::new(number)).await);
        }
        change(&mut everything[partition.index()]);
        self.delete_topic().await;
        let settings = self.settings.topic;
        let created = self.broker.create_topic(super::book::PARTITIONS, &settings).await;
        created.expect("it is created");
        for record in everything.iter().flatten() {
            self.produce_raw(record).await;
        }
    }

    /// Deletes the records before an offset, as retention does.
    pub(crate) async fn delete_before(&self, partition: Partition, offset: i64) {
        let mut until = TopicPartitionList::new();
        let number = i32::from(partition.number());
        until
            .add_partition_offset(self.topic.as_str(), number, Offset::Offset(offset))
            .expect("set");
        self.admin().delete_records(&until, &AdminOptions::new()).await.expect("deleted");
    }

    pub(crate) async fn topic_config(&self, name: &str) -> Option<String> {
        let topic = ResourceSpecifier::Topic(self.topic.as_str());
        let found = self.admin().describe_configs([&topic], &AdminOptions::new()).await;
        let found = found.expect("an answer").remove(0).expect("its settings");
        found.get(name).and_then(|entry| entry.value.clone())
    }

    pub(crate) async fn set_topic_config(&self, name: &str, value: &str) {
        let change =
            AlterConfig::new(ResourceSpecifier::Topic(self.topic.as_str())).set(name, value);
        let changed = self.admin().alter_configs([&change], &AdminOptions::new()).await;
        changed.expect("an answer")[0].as_ref().expect("it is set");
    }
}
