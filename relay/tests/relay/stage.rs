//! A ledger, a broker, cursors, and a relay between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::broker::Broker;
use daybook_engine::broker::memory::{Behaviour, MemoryBroker};
use daybook_engine::broker::topic::TopicName;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Ledger, StoreError};
use daybook_engine::record::{Published, TopicRecord};
use daybook_relay::cursors::memory::MemoryRelayCursors;
use daybook_relay::cursors::{CursorMove, RelayCursor, RelayCursors};
use daybook_relay::verify::{VerifyReport, verify};
use daybook_relay::{Relay, RelayError, RelayFoundations, RelayHealth, RelaySettings};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use super::book::{Book, PARTITIONS, identity, p};

/// On the paused clock: long beyond every backoff.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) fn topic() -> TopicName {
    "daybook.payments".parse().expect("a name")
}

/// Cursors that are never moved beyond what the topic holds, or the test fails.
pub(crate) struct CheckedCursors {
    inner: MemoryRelayCursors,
    broker: MemoryBroker,
    /// Saves that fail, before or after they are made.
    pub(crate) failing: Mutex<Vec<bool>>,
    /// Positions that no longer have to be in the topic, because it was deleted.
    pub(crate) forgiven: Mutex<BTreeMap<Partition, u64>>,
}

impl CheckedCursors {
    fn check(&self, change: &CursorMove) {
        let held: Vec<u64> = positions(&self.broker.records(change.partition));
        let forgiven =
            self.forgiven.lock().expect("no panic").get(&change.partition).copied().unwrap_or(0);
        let beyond = change.from.position.max(forgiven);
        for position in beyond + 1..=change.to.published.position {
            assert!(held.contains(&position), "{change:?}: {position} is not in the topic");
        }
    }
}

#[async_trait]
impl RelayCursors for CheckedCursors {
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError> {
        self.inner.load(topic, partitions).await
    }

    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError> {
        moves.iter().for_each(|change| self.check(change));
        let failing = self.failing.lock().expect("no panic").pop();
        if failing == Some(false) {
            return Err(StoreError::Unavailable { store: "relay", cause: "told so".to_owned() });
        }
        let saved = self.inner.save(topic, moves).await;
        if failing == Some(true) {
            return Err(StoreError::AnswerLost { store: "relay", cause: "told so".to_owned() });
        }
        saved
    }
}

pub(crate) fn positions(records: &[TopicRecord]) -> Vec<u64> {
    let read = |record| Published::read(record).expect("a record of the relay").recorded.position;
    records.iter().map(read).collect()
}

pub(crate) struct Stage {
    pub(crate) book: Book,
    pub(crate) broker: MemoryBroker,
    pub(crate) cursors: Arc<CheckedCursors>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) settings: RelaySettings,
    seed: u64,
}

pub(crate) struct Running {
    pub(crate) relay: Relay,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RelayError>>,
}

impl Stage {
    pub(crate) fn new(seed: u64, behaviour: Behaviour) -> Self {
        let broker = MemoryBroker::new(topic(), seed, behaviour);
        let cursors = Arc::new(CheckedCursors {
            inner: MemoryRelayCursors::default(),
            broker: broker.clone(),
            failing: Mutex::default(),
            forgiven: Mutex::default(),
        });
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_100_000));
        let settings =
            RelaySettings { in_flight_max: 400, batch_max: 100, ..RelaySettings::default() };
        Self { book: Book::new(), broker, cursors, clock, settings, seed }
    }

    pub(crate) fn start(&self) -> Running {
        self.start_on(HeldPartitions::all(PARTITIONS))
    }

    pub(crate) fn start_on(&self, partitions: HeldPartitions) -> Running {
        let foundations = RelayFoundations {
            ledger: self.book.ledger.clone(),
            broker: Arc::new(self.broker.clone()),
            cursors: self.cursors.clone(),
            partitions,
            clock: self.clock.clone(),
            wake: self.book.wake.clone(),
            seed: self.seed,
        };
        let relay = Relay::new(foundations, self.settings);
        let (runner, stop) = (relay.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let task = tokio::spawn(async move { runner.run(stopping).await });
        Running { relay, stop, task }
    }

    /// Waits until every cursor stands at its partition's head.
    pub(crate) async fn published(&self) {
        let partitions: Vec<_> = Partition::all(PARTITIONS).collect();
        let waiting = async {
            loop {
                let cursors = self.cursors.load(&topic(), &partitions).await.expect("loads");
                let heads = self.book.ledger.heads().await.expect("the ledger answers");
                if cursors.iter().zip(&heads).all(|(c, head)| c.published.position == head.position)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(LONG, waiting).await.expect("everything is published");
    }

    /// Fails where first occurrences are not every event of the ledger in order, byte for byte.
    pub(crate) async fn assert_topic_is_whole(&self) {
        for partition in Partition::all(PARTITIONS) {
            let mut expected = self.book.events(partition).await.into_iter();
            let mut seen = 0;
            for record in self.broker.records(partition) {
                let found = Published::read(&record).expect("a record of the relay").recorded;
                if found.position > seen {
                    assert_eq!(Some(found), expected.next(), "after position {seen}");
                    seen += 1;
                }
            }
            assert_eq!(expected.next(), None, "partition {partition} is in the topic to its end");
        }
    }

    pub(crate) async fn cursor(&self, partition: Partition) -> RelayCursor {
        self.cursors.load(&topic(), &[partition]).await.expect("loads")[0]
    }

    pub(crate) async fn verify(&self) -> VerifyReport {
        let (ledger, broker) = (&*self.book.ledger, &self.broker as &dyn Broker);
        let grace = Duration::from_secs(10);
        verify(ledger, broker, &*self.cursors, grace, |_| {}).await.expect("it can be checked")
    }
}

impl Running {
    pub(crate) fn health(&self) -> RelayHealth {
        self.relay.health().borrow().clone()
    }

    /// Waits for a state of health.
    pub(crate) async fn is(&self, wanted: impl FnMut(&RelayHealth) -> bool) -> RelayHealth {
        let mut health = self.relay.health();
        let found = timeout(LONG, health.wait_for(wanted)).await.expect("the health changes");
        found.expect("the relay lives").clone()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it does not panic").expect("it stops when told to");
    }

    /// As kill -9 would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }

    /// How it ended by itself.
    pub(crate) async fn ended(self) -> Result<(), RelayError> {
        timeout(LONG, self.task).await.expect("it ends").expect("it does not panic")
    }
}
