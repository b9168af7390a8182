//! A ledger in memory, a topic of the test's own, and a relay between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use daybook_engine::broker::topic::TopicName;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::Ledger;
use daybook_engine::postgres::scratch::Services;
use daybook_relay::cursors::memory::MemoryRelayCursors;
use daybook_relay::cursors::{RelayCursor, RelayCursors};
use daybook_relay::kafka::{KafkaBroker, KafkaOptions, KafkaSettings};
use daybook_relay::verify::{VerifyReport, verify};
use daybook_relay::{Relay, RelayError, RelayFoundations, RelayHealth, RelaySettings};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::book::{Book, PARTITIONS};

/// Nothing takes so long, on a busy machine either.
pub(crate) const LONG: Duration = Duration::from_secs(90);

pub(crate) struct Stage {
    pub(crate) book: Book,
    pub(crate) brokers: String,
    pub(crate) broker: KafkaBroker,
    pub(crate) topic: TopicName,
    pub(crate) cursors: Arc<MemoryRelayCursors>,
    pub(crate) settings: RelaySettings,
}

pub(crate) struct Running {
    pub(crate) relay: Relay,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RelayError>>,
}

/// Where the Kafka of these services is, which is started where it doesn't run.
pub(crate) async fn brokers_of(services: &Services) -> String {
    let services = services.clone();
    let running = tokio::task::spawn_blocking(move || services.run(&["up", "kafka"]));
    let running = running.await.expect("deploy/services runs");
    let found = running.into_iter().find(|(name, _)| name == "KAFKA_BROKERS");
    found.expect("deploy/services prints the brokers").1
}

impl Stage {
    /// On the Kafka that every test shares.
    pub(crate) async fn new() -> Self {
        Self::on(brokers_of(&Services::shared()).await)
    }

    pub(crate) fn on(brokers: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let started = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let topic: TopicName = format!("relay.{started}.{number}").parse().expect("a name");
        let settings = KafkaSettings {
            brokers: brokers.clone(),
            topic: topic.clone(),
            options: KafkaOptions::default(),
        };
        Self {
            book: Book::new(),
            brokers,
            broker: KafkaBroker::new(settings).expect("usable settings"),
            topic,
            cursors: Arc::default(),
            settings: RelaySettings::default(),
        }
    }

    pub(crate) fn start(&self) -> Running {
        let foundations = RelayFoundations {
            ledger: self.book.ledger.clone(),
            broker: Arc::new(self.broker.clone()),
            cursors: self.cursors.clone(),
            partitions: HeldPartitions::all(PARTITIONS),
            // A little after everything in the book was recorded.
            clock: ManualClock::at(Timestamp::from_millis(1_800_000_100_000)),
            wake: self.book.wake.clone(),
            seed: 1,
        };
        let relay = Relay::new(foundations, self.settings);
        let (runner, stop) = (relay.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let task = tokio::spawn(async move { runner.run(stopping).await });
        Running { relay, stop, task }
    }

    /// Waits until every cursor stands at its partition's head.
    pub(crate) async fn published(&self) {
        let waiting = async {
            loop {
                let heads = self.book.ledger.heads().await.expect("the ledger answers");
                let cursors = self.all_cursors().await;
                if cursors.iter().zip(&heads).all(|(c, head)| c.published.position == head.position)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(LONG, waiting).await.expect("everything is published");
    }

    async fn all_cursors(&self) -> Vec<RelayCursor> {
        let partitions: Vec<_> = Partition::all(PARTITIONS).collect();
        self.cursors.load(&self.topic, &partitions).await.expect("loads")
    }

    pub(crate) async fn cursor(&self, partition: Partition) -> RelayCursor {
        self.all_cursors().await[partition.index()]
    }

    /// Checks without waiting for what is missing.
    pub(crate) async fn verify(&self) -> VerifyReport {
        let grace = Duration::from_secs(1);
        verify(&*self.book.ledger, &self.broker, &*self.cursors, grace, |_| {})
            .await
            .expect("it can be checked")
    }

    pub(crate) async fn differences(&self) -> Vec<String> {
        self.verify().await.differences.iter().map(ToString::to_string).collect()
    }

    /// A stage whose relay has published so many payments and stopped.
    pub(crate) async fn published_stage(payments: u64) -> Self {
        let mut stage = Self::new().await;
        stage.book.grow(payments).await;
        let running = stage.start();
        stage.published().await;
        running.stop().await;
        stage
    }
}

impl Running {
    pub(crate) async fn is(&self, wanted: impl FnMut(&RelayHealth) -> bool) -> RelayHealth {
        let mut health = self.relay.health();
        let found = timeout(LONG, health.wait_for(wanted)).await.expect("the health changes");
        found.expect("the relay lives").clone()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it does not panic").expect("it stops when told to");
    }
}
