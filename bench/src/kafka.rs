//! Topics of a run's own on the Kafka of `deploy/services`.

use std::ffi::OsString;
use std::time::Duration;

use rand::TryRng as _;
use rand::rngs::SysRng;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;

use crate::deploy;
use crate::failure::Failure;

/// How long the brokers may take to create or delete a topic.
const LIMIT: Duration = Duration::from_secs(30);

/// Brokers that run.
#[derive(Clone, Debug)]
pub(crate) struct Brokers(String);

/// A topic that nobody else uses; deleted when its owner here is.
#[derive(Debug)]
pub(crate) struct Topic {
    brokers: String,
    pub(crate) name: String,
}

impl Brokers {
    /// Starts Kafka where it doesn't run.
    pub(crate) fn up() -> Result<Self, Failure> {
        let printed = deploy::up("kafka")?;
        let found = printed.lines().find_map(|line| line.strip_prefix("KAFKA_BROKERS="));
        let brokers = found.ok_or_else(|| Failure::Services("printed no KAFKA_BROKERS".into()))?;
        Ok(Self(brokers.into()))
    }

    /// A name that is not taken; the topic is not created yet.
    pub(crate) fn topic(&self) -> Topic {
        let number = SysRng.try_next_u32().unwrap_or_else(|_| std::process::id());
        Topic { brokers: self.0.clone(), name: format!("bench.{number:08x}") }
    }
}

impl Topic {
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) async fn create(&self, partitions: i32) -> Result<(), Failure> {
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        let created = admin(self)?.create_topics([&topic], &options()).await;
        created.map(drop).map_err(|error| failed("creating a topic", &error))
    }

    /// What leads daybook to it.
    pub(crate) fn flags(&self) -> [OsString; 4] {
        [
            "--kafka-brokers".into(),
            self.brokers.clone().into(),
            "--kafka-topic".into(),
            self.name.clone().into(),
        ]
    }
}

fn admin(topic: &Topic) -> Result<AdminClient<DefaultClientContext>, Failure> {
    topic.client().create().map_err(|error| failed("connecting", &error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}

pub(crate) fn failed(doing: &str, error: &KafkaError) -> Failure {
    Failure::Kafka { doing: doing.into(), cause: error.to_string() }
}

impl Drop for Topic {
    fn drop(&mut self) {
        let (Ok(admin), name) = (admin(self), self.name.clone()) else { return };
        // A thread of its own: nothing can be waited for inside the runtime's.
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // A topic that is left behind costs the next run nothing.
            let _ =
                runtime.map(|runtime| runtime.block_on(admin.delete_topics(&[&name], &options())));
        });
        let _ = deleting.join();
    }
}
