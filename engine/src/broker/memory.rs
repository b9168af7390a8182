//! A broker in memory, for tests and simulation: it fails, loses answers, delays, stops and repeats
//! when told to, or at random from a seed.
//!
//! What it never does is what an idempotent producer never does either: write a record whose
//! predecessor of the same producer and partition was not written.

mod producer;
mod reader;

use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ids::Partition;
use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use super::{Broker, BrokerError, Deliveries, Offsets, Producer, Reader};
use crate::broker::topic::{RECORD_BYTES_MAX, TopicFacts, TopicName, TopicPolicy, TopicSettings};
use crate::record::{DeadLetter, Record, TopicRecord};
use crate::seal::ExportedSeal;

/// What goes wrong by itself, in so many of 10,000 cases.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Between two batches of a producer.
    pub latency: RangeInclusive<Duration>,
    /// A record is not written, and said to be undelivered.
    pub fail_bps: u32,
    /// A record is written, and said to be undelivered.
    pub lose_bps: u32,
    /// A record is written twice.
    pub repeat_bps: u32,
    /// A record is not written, and said to be delivered: what no broker does, for tests of tests.
    pub swallow_bps: u32,
    /// A record is not taken.
    pub full_bps: u32,
    /// A closed producer's records are written all the same, later, up to one of them.
    pub late_bps: u32,
    /// Records that a producer holds.
    pub queue_max: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(1),
            fail_bps: 0,
            lose_bps: 0,
            repeat_bps: 0,
            swallow_bps: 0,
            full_bps: 0,
            late_bps: 0,
            queue_max: 1_000,
        }
    }
}

/// What becomes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Written,
    Failed,
    Lost,
    Repeated,
    Swallowed,
}

/// One topic on one broker; clones are the same broker.
#[derive(Clone, Debug)]
pub struct MemoryBroker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: TopicName,
    state: Mutex<State>,
    is_up: AtomicBool,
    came_up: Notify,
    /// Told of every record. No `watch`, which wakes those who wait in an order of its own: a run of the
    /// simulation must repeat itself.
    grew: Notify,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    behaviour: Behaviour,
    topic: Option<Vec<Log>>,
    dead_letters: Vec<DeadLetter>,
    seals: Vec<ExportedSeal>,
    producers: usize,
    /// Fates given out before the random ones.
    fates: Vec<(Partition, u64, Fate)>,
}

/// One partition's records.
#[derive(Clone, Debug, Default)]
struct Log {
    first: u64,
    records: Vec<TopicRecord>,
}

impl Log {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.records.len() as u64)
    }
}

/// How long an answer that never comes is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

impl MemoryBroker {
    /// Up, without a topic.
    #[must_use]
    pub fn new(name: TopicName, seed: u64, behaviour: Behaviour) -> Self {
        Self(Arc::new(Shared {
            name,
            state: Mutex::new(State {
                random: StdRng::seed_from_u64(seed),
                behaviour,
                topic: None,
                dead_letters: Vec::new(),
                seals: Vec::new(),
                producers: 0,
                fates: Vec::new(),
            }),
            is_up: AtomicBool::new(true),
            came_up: Notify::new(),
            grew: Notify::new(),
        }))
    }

    /// From now on nothing is answered or written.
    pub fn stop(&self) {
        self.0.is_up.store(false, Ordering::SeqCst);
    }

    pub fn start(&self) {
        self.0.is_up.store(true, Ordering::SeqCst);
        self.0.came_up.notify_waiters();
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// The next time this record comes it is not written, and said to be undelivered.
    pub fn fail(&self, partition: Partition, position: u64) {
        self.state().fates.push((partition, position, Fate::Failed));
    }

    /// The next time this record comes it is written, and said to be undelivered.
    pub fn lose_answer(&self, partition: Partition, position: u64) {
        self.state().fates.push((partition, position, Fate::Lost));
    }

    /// How many producers were opened.
    #[must_use]
    pub fn producers(&self) -> usize {
        self.state().producers
    }

    /// What the topic beside holds.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.state().dead_letters.clone()
    }

    /// What the topic of seals holds.
    #[must_use]
    pub fn seals(&self) -> Vec<ExportedSeal> {
        self.state().seals.clone()
    }

    pub fn delete_topic(&self) {
        self.state().topic = None;
    }

    /// Makes a topic with so many partitions, whatever there was.
    pub fn put_topic(&self, partitions: u16) {
        self.state().topic = Some(vec![Log::default(); usize::from(partitions)]);
    }

    /// What a partition holds.
    #[must_use]
    pub fn records(&self, partition: Partition) -> Vec<TopicRecord> {
        let state = self.state();
        let log = state.topic.as_ref().and_then(|topic| topic.get(partition.index()));
        log.map(|log| log.records.clone()).unwrap_or_default()
    }

    /// Changes what a partition holds; the offsets are given anew from its first one on.
    pub fn tamper(&self, partition: Partition, change: impl FnOnce(&mut Vec<TopicRecord>)) {
        let mut state = self.state();
        if let Some(log) = state.log(partition) {
            change(&mut log.records);
            for (offset, record) in (log.first..).zip(&mut log.records) {
                record.offset = offset;
            }
        }
        drop(state);
        self.0.grew.notify_waiters();
    }

    /// Deletes the records before an offset, as retention does.
    pub fn delete_before(&self, partition: Partition, offset: u64) {
        if let Some(log) = self.state().log(partition) {
            log.records.retain(|record| record.offset >= offset);
            log.first = log.records.first().map_or(offset, |record| record.offset);
        }
    }

    /// Returns as soon as the topic holds so many records.
    pub async fn holds(&self, count: usize) {
        loop {
            let mut grew = pin!(self.0.grew.notified());
            grew.as_mut().enable();
            if self.state().count() >= count {
                return;
            }
            grew.await;
        }
    }

    fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::SeqCst)
    }

    /// Returns when it is up.
    async fn up(&self) {
        loop {
            let mut came_up = pin!(self.0.came_up.notified());
            came_up.as_mut().enable();
            if self.is_up() {
                return;
            }
            came_up.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// When it is down, after the time that a caller waits for an answer.
    async fn answer(&self) -> Result<(), BrokerError> {
        let latency = self.state().latency();
        tokio::time::sleep(latency).await;
        if self.is_up() {
            return Ok(());
        }
        tokio::time::sleep(ANSWER_LIMIT).await;
        Err(BrokerError::Unreachable("the broker in memory is stopped".to_owned()))
    }
}

impl State {
    fn log(&mut self, partition: Partition) -> Option<&mut Log> {
        self.topic.as_mut()?.get_mut(partition.index())
    }

    fn count(&self) -> usize {
        self.topic.iter().flatten().map(|log| log.records.len()).sum()
    }

    fn latency(&mut self) -> Duration {
        let range = self.behaviour.latency.clone();
        self.random.random_range(range)
    }

    fn chance(&mut self, bps: u32) -> bool {
        self.random.random_range(0..10_000) < bps
    }

    fn fate(&mut self, partition: Partition, position: u64) -> Fate {
        let told = |fate: &(Partition, u64, Fate)| (fate.0, fate.1) == (partition, position);
        if let Some(index) = self.fates.iter().position(told) {
            return self.fates.swap_remove(index).2;
        }
        let Behaviour { fail_bps, lose_bps, repeat_bps, swallow_bps, .. } = self.behaviour;
        if self.chance(fail_bps) {
            Fate::Failed
        } else if self.chance(lose_bps) {
            Fate::Lost
        } else if self.chance(repeat_bps) {
            Fate::Repeated
        } else if swallow_bps > 0 && self.chance(swallow_bps) {
            Fate::Swallowed
        } else {
            Fate::Written
        }
    }

    /// Writes the record at the partition's end; where it stands, or `None` without a topic.
    fn write(&mut self, record: &TopicRecord) -> Option<u64> {
        let log = self.log(record.partition)?;
        let offset = log.end();
        log.records.push(TopicRecord { offset, ..record.clone() });
        Some(offset)
    }
}

/// The record as a topic would hold it, its offset not given yet.
#[must_use]
pub fn in_topic(record: &Record<'_>) -> TopicRecord {
    let headers = record.headers();
    TopicRecord {
        partition: record.partition,
        offset: 0,
        key: Some(record.key.as_bytes().to_vec()),
        value: Some(record.value.as_bytes().to_vec()),
        headers: headers
            .map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec())))
            .collect(),
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    fn name(&self) -> &TopicName {
        &self.0.name
    }

    async fn topic(&self) -> Result<Option<TopicFacts>, BrokerError> {
        self.answer().await?;
        let policy = TopicPolicy {
            record_bytes_max: RECORD_BYTES_MAX,
            is_compacted: false,
            retention: Some(TopicSettings::default().retention),
        };
        let facts =
            |topic: &Vec<Log>| TopicFacts { partitions: topic.len(), policy: Some(policy.clone()) };
        Ok(self.state().topic.as_ref().map(facts))
    }

    async fn create_topic(
        &self,
        partitions: u16,
        _settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        self.answer().await?;
        if self.state().topic.is_none() {
            self.put_topic(partitions);
        }
        Ok(())
    }

    async fn offsets(&self, partitions: &[Partition]) -> Result<Vec<Offsets>, BrokerError> {
        self.answer().await?;
        let mut state = self.state();
        let mut offsets = |partition: &Partition| {
            let log = state.log(*partition);
            let log =
                log.ok_or_else(|| BrokerError::Refused(format!("no partition {partition}")))?;
            Ok(Offsets { partition: *partition, first: log.first, end: log.end() })
        };
        partitions.iter().map(&mut offsets).collect()
    }

    fn producer(&self, deliveries: Arc<Deliveries>) -> Result<Box<dyn Producer>, BrokerError> {
        self.state().producers += 1;
        Ok(Box::new(producer::MemoryProducer::start(self.clone(), deliveries)))
    }

    fn reader(&self, from: &[(Partition, u64)]) -> Result<Box<dyn Reader>, BrokerError> {
        Ok(Box::new(reader::MemoryReader::new(self.clone(), from)))
    }

    async fn write_dead_letters(
        &self,
        letters: &[DeadLetter],
        _settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        self.answer().await?;
        self.state().dead_letters.extend_from_slice(letters);
        Ok(())
    }

    async fn write_seals(
        &self,
        seals: &[ExportedSeal],
        _settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        self.answer().await?;
        self.state().seals.extend_from_slice(seals);
        Ok(())
    }
}
