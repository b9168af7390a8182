//! The topic as the feed: what the relay published, read partition by partition without a consumer
//! group, from the offset that stands beside the views' cursors.
//!
//! The topic is transport and the ledger is the record. What is read follows the cursor or is passed
//! over, and nothing is handed on that the ledger does not hold the same: each stretch is compared by a
//! digest that the ledger makes of its own events. What differs is put aside as a dead letter, and what
//! is missing is read from the ledger. A broker that can't be reached makes the views wait.

mod checking;
mod metrics;
mod reading;
mod sorting;

pub use metrics::TopicFeedMetrics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Ledger, Recorded, StoreError, Stretch};
use daybook_engine::record::DeadLetter;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Fed, Feed, Wanted};
use reading::Reading;
use sorting::{Refused, Sorted};

/// How long the feed waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the next records, while the views are behind the ledger.
    pub poll: Duration,
    /// A partition that is behind the ledger and at its topic's end for so long is read from the ledger.
    pub refill_after: Duration,
    /// A reader that brings nothing for so long, although there is something, is opened anew.
    pub reopen_after: Duration,
    /// For dead letters to be written: then the views go on without.
    pub dead_letters: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(100),
            refill_after: Duration::from_secs(2),
            reopen_after: Duration::from_secs(10),
            dead_letters: Duration::from_secs(5),
        }
    }
}

pub struct TopicFeed {
    ledger: Arc<dyn Ledger>,
    broker: Arc<dyn Broker>,
    /// How the topic of dead letters is created.
    dead_letters: TopicSettings,
    patience: Patience,
    reading: Mutex<Reading>,
    metrics: TopicFeedMetrics,
}

impl TopicFeed {
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        broker: Arc<dyn Broker>,
        dead_letters: TopicSettings,
        patience: Patience,
    ) -> Self {
        let (reading, metrics) = (Mutex::default(), TopicFeedMetrics::default());
        Self { ledger, broker, dead_letters, patience, reading, metrics }
    }

    /// What it counts; the clone counts along.
    #[must_use]
    pub fn metrics(&self) -> TopicFeedMetrics {
        self.metrics.clone()
    }

    /// The events standing at the cursors, so that they are checked each time.
    async fn standing(&self, wanted: &[Wanted]) -> Result<Vec<Recorded>, StoreError> {
        let behind_start = wanted.iter().filter(|wanted| wanted.after.position > 0);
        let stretch = |wanted: &Wanted| Stretch {
            partition: wanted.partition,
            from: wanted.after.position,
            limit: 1,
        };
        let stretches: Vec<Stretch> = behind_start.map(stretch).collect();
        let standing = self.ledger.read(&stretches).await?;
        match stretches.iter().find(|s| !standing.iter().any(|r| r.partition == s.partition)) {
            None => Ok(standing),
            // Its head is not before it: a hole, which must not pass for idleness.
            Some(Stretch { partition, from, .. }) => Err(StoreError::Damaged {
                store: "ledger",
                cause: format!("partition {partition} has nothing at position {from}"),
            }),
        }
    }

    /// Puts records aside. Where that fails they are named in the log alone: the ledger has the truth.
    async fn put_aside(&self, refused: Vec<Refused>) {
        if refused.is_empty() {
            return;
        }
        let topic = self.broker.name();
        for Refused { record, cause } in &refused {
            let (partition, offset) = (record.partition, record.offset);
            tracing::error!(%topic, %partition, offset, %cause, "a record is passed over");
        }
        self.metrics.put_aside(refused.len());
        let letter = |refused: &Refused| DeadLetter::of(&refused.record, topic, &refused.cause);
        let letters: Vec<DeadLetter> = refused.iter().map(letter).collect();
        let writing = self.broker.write_dead_letters(&letters, &self.dead_letters);
        let cause = match timeout(self.patience.dead_letters, writing).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let topic = topic.dead_letters();
        tracing::error!(%topic, count = letters.len(), cause, "dead letters were not written");
    }
}

#[async_trait]
impl Feed for TopicFeed {
    async fn next(&self, wanted: &[Wanted], limit: u32) -> Result<Fed, StoreError> {
        if wanted.is_empty() {
            return Ok(Fed::default());
        }
        let mut reading = self.reading.lock().await;
        reading.open(self.broker.as_ref(), wanted).await.map_err(unavailable)?;
        let is_behind = wanted.iter().any(|wanted| wanted.head > wanted.after.position);
        // Read even where nothing is missing: what does not belong there is named soon.
        let patience = if is_behind { self.patience.poll } else { Duration::ZERO };
        let records = reading.next(limit, patience).await.map_err(unavailable)?;
        self.metrics.read(records.len());
        let (sorted, mut refused) = Sorted::all(wanted, records, self.ledger.as_ref());
        let mut events = self.check(sorted, limit, &mut refused).await?;
        self.put_aside(refused).await;
        let silent = reading.silent(wanted, &events, &self.patience);
        let ended = reading.ended(self.broker.as_ref(), silent, &self.patience).await;
        for (partition, refill) in self.refill(&ended.map_err(unavailable)?, limit).await? {
            events.entry(partition).or_default().extend(refill);
        }
        let mut records = self.standing(wanted).await?;
        records.extend(events.into_values().flatten());
        records.sort_by_key(|recorded| (recorded.partition, recorded.position));
        Ok(Fed { records, topic_offsets: reading.offsets() })
    }
}

impl TopicFeed {
    /// What the ledger holds behind these cursors.
    async fn refill(
        &self,
        wanted: &[Wanted],
        limit: u32,
    ) -> Result<BTreeMap<Partition, Vec<Recorded>>, StoreError> {
        let mut events: BTreeMap<Partition, Vec<Recorded>> = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(events);
        }
        let share = limit.checked_div(u32::try_from(wanted.len()).unwrap_or(u32::MAX));
        let limit = share.unwrap_or(0).max(1);
        let stretch = |wanted: &Wanted| Stretch {
            partition: wanted.partition,
            from: wanted.after.position.saturating_add(1),
            limit,
        };
        let stretches: Vec<Stretch> = wanted.iter().map(stretch).collect();
        for recorded in self.ledger.read(&stretches).await? {
            self.metrics.refilled(1);
            events.entry(recorded.partition).or_default().push(recorded);
        }
        Ok(events)
    }
}

impl std::fmt::Debug for TopicFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicFeed").field("topic", self.broker.name()).finish_non_exhaustive()
    }
}

fn unavailable(error: BrokerError) -> StoreError {
    StoreError::Unavailable { store: "topic", cause: error.to_string() }
}
