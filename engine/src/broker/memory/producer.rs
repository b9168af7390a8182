//! A producer of the broker in memory: a queue, and a task that empties it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::Partition;
use async_trait::async_trait;
use rand::RngExt;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::{Fate, MemoryBroker, in_topic};
use crate::broker::{Deliveries, NotSent, Producer, Trouble};
use crate::record::{Record, TopicRecord};

#[derive(Debug)]
pub(super) struct MemoryProducer {
    queue: Arc<Queue>,
    broker: MemoryBroker,
    sending: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Queue {
    records: Mutex<VecDeque<(u64, TopicRecord)>>,
    /// Partitions of which one record was not written, and so none after it will be.
    failed: Mutex<BTreeSet<Partition>>,
    filled: Notify,
}

impl Queue {
    fn records(&self) -> MutexGuard<'_, VecDeque<(u64, TopicRecord)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, BTreeSet<Partition>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryProducer {
    pub(super) fn start(broker: MemoryBroker, deliveries: Arc<Deliveries>) -> Self {
        let queue = Arc::new(Queue::default());
        let sending = tokio::spawn(send_all(broker.clone(), Arc::clone(&queue), deliveries));
        Self { queue, broker, sending: AbortOnDropHandle::new(sending) }
    }
}

#[async_trait]
impl Producer for MemoryProducer {
    fn send(&self, record: &Record<'_>) -> Result<(), NotSent> {
        let mut state = self.broker.state();
        let full_bps = state.behaviour.full_bps;
        let mut records = self.queue.records();
        if records.len() >= state.behaviour.queue_max || state.chance(full_bps) {
            return Err(NotSent::Full);
        }
        records.push_back((record.position, in_topic(record)));
        drop(records);
        drop(state);
        self.queue.filled.notify_one();
        Ok(())
    }

    async fn close(self: Box<Self>) {
        self.sending.abort();
        let mut left: Vec<_> = self.queue.records().drain(..).map(|(_, record)| record).collect();
        left.retain(|record| !self.queue.failed().contains(&record.partition));
        let mut state = self.broker.state();
        let late_bps = state.behaviour.late_bps;
        if left.is_empty() || !state.chance(late_bps) {
            return;
        }
        let (latency, count) = (state.latency() * 3, state.random.random_range(0..=left.len()));
        drop(state);
        let broker = self.broker.clone();
        // They were under way already; nobody hears of them any more.
        tokio::spawn(async move {
            tokio::time::sleep(latency).await;
            if broker.is_up() {
                for record in &left[..count] {
                    broker.state().write(record);
                }
                broker.0.grew.notify_waiters();
            }
        });
    }
}

async fn send_all(broker: MemoryBroker, queue: Arc<Queue>, deliveries: Arc<Deliveries>) {
    loop {
        if queue.records().is_empty() {
            queue.filled.notified().await;
        }
        let latency = broker.state().latency();
        tokio::time::sleep(latency).await;
        if !broker.is_up() {
            deliveries.report(Trouble::Suspected("all brokers are down".to_owned()));
            broker.up().await;
            continue;
        }
        deliver_batch(&broker, &queue, &deliveries);
        broker.0.grew.notify_waiters();
    }
}

/// Some records, from the front.
fn deliver_batch(broker: &MemoryBroker, queue: &Queue, deliveries: &Deliveries) {
    let mut state = broker.state();
    let mut records = queue.records();
    let mut failed = queue.failed();
    let count = state.random.random_range(0..=records.len());
    for (position, record) in records.drain(..count) {
        let partition = record.partition;
        if failed.contains(&partition) {
            deliveries.failed(partition, position, "one before it failed".to_owned());
            continue;
        }
        let fate = state.fate(partition, position);
        if fate == Fate::Swallowed {
            deliveries.delivered(partition, position, None);
            continue;
        }
        let offset = if fate == Fate::Failed { None } else { state.write(&record) };
        if fate == Fate::Repeated {
            state.write(&record);
        }
        if offset.is_some() && fate != Fate::Lost {
            deliveries.delivered(partition, position, offset);
        } else {
            failed.insert(partition);
            deliveries.failed(partition, position, format!("told so ({fate:?})"));
        }
    }
}
