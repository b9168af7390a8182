//! A ledger, a broker, cursors, and a relay between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::ids::{EventId, LedgerId, Partition, PaymentId};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{
    Append, Ledger, LedgerIdentity, NewEvent, Recorded, StoreError, Stretch,
};
use daybook_engine::payment::EventType;
use daybook_engine::wake::Wake;
use daybook_relay::broker::Broker;
use daybook_relay::broker::memory::{Behaviour, MemoryBroker};
use daybook_relay::cursors::memory::MemoryRelayCursors;
use daybook_relay::cursors::{CursorMove, RelayCursor, RelayCursors};
use daybook_relay::record::{Published, TopicRecord};
use daybook_relay::topic::TopicName;
use daybook_relay::verify::{VerifyReport, verify};
use daybook_relay::{Relay, RelayError, RelayFoundations, RelayHealth, RelaySettings};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PARTITIONS: u16 = 4;
/// On the paused clock: long beyond every backoff.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) const fn p(number: u16) -> Partition {
    Partition::new(number)
}

pub(crate) fn topic() -> TopicName {
    "daybook.payments".parse().expect("a name")
}

pub(crate) fn identity() -> LedgerIdentity {
    let id = LedgerId::from_uuid(Uuid::from_u128(0x0190_a6f0_1c2d_7e3f_8a4b_5c6d_7e8f_9a00));
    LedgerIdentity { id, incarnation: 1, partitions: PARTITIONS }
}

/// Every golden event: type and data.
pub(crate) fn golden_events() -> Vec<(&'static str, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/golden/events");
    let of_type = |event_type: &EventType| {
        let path = folder.join(format!("{}.json", event_type.as_str()));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let name = event_type.as_str();
        text.lines().map(|line| (name, line.to_owned())).collect::<Vec<_>>()
    };
    EventType::ALL.iter().flat_map(of_type).collect()
}

/// A ledger that grows by golden events.
pub(crate) struct Book {
    pub(crate) ledger: Arc<MemoryLedger>,
    events: Vec<(&'static str, String)>,
    appended: u64,
    pub(crate) wake: Wake,
}

impl Book {
    pub(crate) fn new() -> Self {
        let ledger = Arc::new(MemoryLedger::new(identity()));
        Self { ledger, events: golden_events(), appended: 0, wake: Wake::default() }
    }

    /// Appends so many payments of one to three events each.
    pub(crate) async fn grow(&mut self, payments: u64) {
        for _ in 0..payments {
            self.appended += 1;
            let number = self.appended;
            let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
            let append = self.append(PaymentId::from_uuid(Uuid::from_u64_pair(high, number)));
            let appended = self.ledger.append(&[append]).await.expect("the ledger answers");
            assert!(appended.is_some(), "the payment is new");
        }
        self.wake.signal();
    }

    fn append(&self, payment_id: PaymentId) -> Append {
        let event = |index: u64| {
            let (event_type, data) =
                &self.events[(self.appended + index) as usize % self.events.len()];
            let event_id = EventId::from_uuid(Uuid::from_u64_pair(self.appended, index));
            NewEvent { event_id, event_type, data: data.clone() }
        };
        let trace = format!("00-{:032x}-{:016x}-01", self.appended, 7);
        Append {
            payment_id,
            first_version: 1,
            events: (0..=self.appended % 3).map(event).collect(),
            texts: Vec::new(),
            traceparent: self.appended.is_multiple_of(2).then(|| trace.into()),
            recorded_at: Timestamp::from_millis(1_800_000_000_000 + self.appended as i64),
        }
    }

    pub(crate) async fn head(&self, partition: Partition) -> u64 {
        self.ledger.heads().await.expect("the ledger answers")[partition.index()].position
    }

    pub(crate) async fn count(&self) -> u64 {
        let heads = self.ledger.heads().await.expect("the ledger answers");
        heads.iter().map(|head| head.position).sum()
    }

    pub(crate) async fn events(&self, partition: Partition) -> Vec<Recorded> {
        let all = Stretch { partition, from: 1, limit: u32::MAX };
        self.ledger.read(&[all]).await.expect("the ledger answers")
    }
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
