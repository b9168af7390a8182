//! Topics and brokers of a test's own, and what a stranger may do to them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use daybook_engine::broker::Broker;
use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::ids::Partition;
use daybook_engine::postgres::scratch::{ScratchDatabase, Services};
use daybook_engine::record::TopicRecord;
use daybook_relay::kafka::{KafkaBroker, KafkaOptions, KafkaSettings};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};

use crate::harness::{PATIENCE, folder};
use crate::store::{Book, migrate};

/// How long an old topic may take to go when its test is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// A topic's name of the test's own; the relay creates it.
#[derive(Debug)]
pub(crate) struct Topic {
    brokers: String,
    name: String,
    /// Whether the brokers stay when the test is over.
    is_shared: bool,
}

async fn run(services: &Services, arguments: Vec<&'static str>) -> Vec<(String, String)> {
    let services = services.clone();
    tokio::task::spawn_blocking(move || services.run(&arguments)).await.unwrap()
}

fn value_of(printed: Vec<(String, String)>, name: &str) -> String {
    let found = printed.into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("deploy/services does not print {name}")).1
}

impl Topic {
    /// On the Kafka that every test shares.
    pub(crate) async fn named() -> Self {
        let printed = run(&Services::shared(), vec!["up", "kafka"]).await;
        Self::on(value_of(printed, "KAFKA_BROKERS"), true)
    }

    fn on(brokers: String, is_shared: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let started = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        Self { brokers, name: format!("product.{started}.{number}"), is_shared }
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        vec![format!("--kafka-brokers={}", self.brokers), format!("--kafka-topic={}", self.name)]
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub(crate) fn broker(&self) -> KafkaBroker {
        self.broker_of(&self.name)
    }

    fn broker_of(&self, topic: &str) -> KafkaBroker {
        let settings = KafkaSettings {
            brokers: self.brokers.clone(),
            topic: topic.parse().unwrap(),
            options: KafkaOptions::default(),
        };
        KafkaBroker::new(settings).unwrap()
    }

    /// Deletes the topic; a relay that runs creates it again.
    pub(crate) async fn delete(&self) {
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let deleted = self.admin().delete_topics(&[&self.name], &options).await;
        deleted.unwrap()[0].as_ref().unwrap();
    }

    /// Creates the topic as a relay would.
    pub(crate) async fn create(&self, partitions: u16) {
        self.broker().create_topic(partitions, &TopicSettings::default()).await.unwrap();
    }

    /// Everything that a partition holds.
    pub(crate) async fn records(&self, partition: Partition) -> Vec<TopicRecord> {
        self.records_of(&self.broker(), partition).await
    }

    /// The lines of the topic of seals; none where it is not there yet.
    pub(crate) async fn seals(&self) -> Vec<String> {
        let broker = self.broker_of(&format!("{}.seals", self.name));
        if broker.topic().await.unwrap().is_none() {
            return Vec::new();
        }
        let records = self.records_of(&broker, Partition::new(0)).await;
        let line = |record: TopicRecord| String::from_utf8(record.value.unwrap()).unwrap();
        records.into_iter().map(line).collect()
    }

    async fn records_of(&self, broker: &KafkaBroker, partition: Partition) -> Vec<TopicRecord> {
        let offsets = broker.offsets(&[partition]).await.unwrap()[0];
        let mut reader = broker.reader(&[(partition, offsets.first)]).unwrap();
        let mut records: Vec<TopicRecord> = Vec::new();
        while records.last().map_or(offsets.first, |last| last.offset + 1) < offsets.end {
            records.extend(reader.next(1_000, PATIENCE).await.unwrap());
        }
        reader.close().await;
        records
    }

    /// Writes each at its partition's end.
    pub(crate) async fn produce(&self, records: &[TopicRecord]) {
        let producer: FutureProducer = self.client().set("linger.ms", "0").create().unwrap();
        for record in records {
            let headers = record.headers.iter();
            let headers = headers.fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: value.as_ref() })
            });
            let mut raw = FutureRecord::<Vec<u8>, Vec<u8>>::to(&self.name)
                .partition(i32::from(record.partition.number()))
                .headers(headers);
            raw.key = record.key.as_ref();
            raw.payload = record.value.as_ref();
            producer.send(raw, PATIENCE).await.map_err(|(error, _)| error).unwrap();
        }
    }

    /// Deletes everything that the partitions hold now, as retention does.
    pub(crate) async fn delete_records(&self, partitions: u16) {
        let mut until = TopicPartitionList::new();
        for number in 0..i32::from(partitions) {
            until.add_partition_offset(&self.name, number, Offset::End).unwrap();
        }
        self.admin().delete_records(&until, &AdminOptions::new()).await.unwrap();
    }
}

impl Drop for Topic {
    /// So that the shared brokers don't gather topics.
    fn drop(&mut self) {
        if !self.is_shared {
            return;
        }
        let (admin, name) = (self.admin(), self.name.clone());
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            let options = AdminOptions::new().request_timeout(Some(FAREWELL));
            let (seals, letters) = (format!("{name}.seals"), format!("{name}.dead-letters"));
            let topics = [&*name, &*seals, &*letters];
            let _ = runtime.block_on(admin.delete_topics(&topics, &options));
        });
        let _ = deleting.join();
    }
}

/// Kafka of a test's own, which it may stop; it ends with its test.
pub(crate) struct Brokers {
    services: Services,
    service: &'static str,
    printed: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Brokers {
    /// `kafka`, or `kafka3` for three.
    pub(crate) async fn start(service: &'static str) -> Self {
        let folder = folder();
        let services = Services::in_folder(folder.path());
        let printed = run(&services, vec!["up", service]).await;
        Self { services, service, printed, _folder: folder }
    }

    fn told(&self, name: &str) -> String {
        value_of(self.printed.clone(), &format!("{}_{name}", self.service.to_uppercase()))
    }

    /// A new ledger, published to them.
    pub(crate) async fn book(&self, flags: &[&str]) -> Arc<Book> {
        let database = ScratchDatabase::create().await;
        migrate(&database, flags).await;
        let topic = Topic::on(self.told("BROKERS"), false);
        Arc::new(Book::Kafka(database, Arc::new(topic)))
    }

    pub(crate) async fn stop(&self) {
        run(&self.services, vec!["down", self.service]).await;
    }

    /// Starts those that don't run.
    pub(crate) async fn resume(&self) {
        run(&self.services, vec!["up", self.service]).await;
    }

    /// Ends one of them as a power cut would.
    pub(crate) async fn kill(&self, node: usize) {
        let file = PathBuf::from(self.told("DIR")).join(node.to_string()).join("pid");
        let pid = std::fs::read_to_string(file).unwrap();
        let mut kill = tokio::process::Command::new("/bin/kill");
        assert!(kill.args(["-KILL", pid.trim()]).status().await.unwrap().success());
        // It is gone a moment after the signal; until then `deploy/services up` takes it for one that runs.
        let running = format!("/proc/{}/cmdline", pid.trim());
        let give_up = Instant::now() + PATIENCE;
        while std::fs::read(&running).is_ok_and(|words| !words.is_empty()) {
            assert!(Instant::now() < give_up, "broker {node} does not die");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        let _ = self.services.run(&["destroy"]);
    }
}
