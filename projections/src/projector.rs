//! The projector: from the feed into the views, one batch at a time.

mod health;
mod metrics;
mod pace;

pub use health::Health;
pub use metrics::ProjectionMetrics;
pub use pace::Pace;

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Head, Ledger, Recorded, StoreError, Stretch};
use daybook_engine::payment::DecodeError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::ViewError;
use crate::feed::{Feed, Sequence, Wanted, sequence};
use crate::views::{Applied, Batch, DecodedEvent, ViewCursors, ViewStore};
use pace::Pacing;

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// So many events were applied.
    Applied(usize),
    /// Nothing new, or somebody else was faster.
    Idle,
}

pub struct Projector {
    ledger: Arc<dyn Ledger>,
    feed: Arc<dyn Feed>,
    views: Arc<dyn ViewStore>,
    pace: Pace,
    partitions: HeldPartitions,
    /// Those that were held at the last step.
    held: Arc<[Partition]>,
    /// As the last commit left them; `None` until they are read, and after every surprise.
    cursors: Option<BTreeMap<Partition, ViewCursors>>,
    /// The partitions that stand before a damaged event.
    stopped: BTreeMap<Partition, ViewError>,
    health: watch::Sender<Health>,
    metrics: ProjectionMetrics,
}

impl Projector {
    #[must_use]
    pub fn new(
        ledger: Arc<dyn Ledger>,
        feed: Arc<dyn Feed>,
        views: Arc<dyn ViewStore>,
        pace: Pace,
        partitions: HeldPartitions,
    ) -> Self {
        let health = watch::Sender::new(Health::default());
        let (cursors, stopped) = (None, BTreeMap::new());
        let metrics = ProjectionMetrics::default();
        let held = Arc::default();
        Self { ledger, feed, views, pace, partitions, held, cursors, stopped, health, metrics }
    }

    /// What stands still, and why.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// What it counts; the clone counts along.
    #[must_use]
    pub fn metrics(&self) -> ProjectionMetrics {
        self.metrics.clone()
    }

    /// Projects until `stop`: at once when `wake` changes, else by polling.
    ///
    /// # Errors
    /// What no repetition mends: a diverged ledger, an event of a later build, a damaged store.
    pub async fn run(
        mut self,
        mut wake: watch::Receiver<()>,
        stop: CancellationToken,
    ) -> Result<(), ViewError> {
        let mut pacing = Pacing::new(self.pace);
        loop {
            wake.mark_unchanged();
            let pause = match self.project_once().await {
                Err(error) if !error.is_transient() => return Err(self.halt(error)),
                outcome => pacing.after(outcome),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = pause.over(&mut wake) => {}
            }
        }
    }

    /// Reads the next events and applies them.
    ///
    /// # Errors
    /// When the ledger or the views can't be used, or disagree; nothing of this step changed,
    /// but for an event of a later build, before which everything is applied.
    pub async fn project_once(&mut self) -> Result<Outcome, ViewError> {
        let outcome = self.step().await;
        if outcome.is_err() {
            self.cursors = None;
        }
        outcome
    }

    async fn step(&mut self) -> Result<Outcome, ViewError> {
        self.look_at_held();
        if self.held.is_empty() {
            return Ok(Outcome::Idle);
        }
        let cursors = self.known_cursors().await?;
        let heads = self.ledger.heads().await?;
        let wanted = self.wanted(&cursors, &heads)?;
        let records = self.feed.next(&wanted, self.pace.batch_max).await?;
        let (mut batches, unknown) = self.batches(&cursors, records).await?;
        let outcome = self.apply(cursors, &mut batches).await?;
        unknown.map_or(Ok(outcome), Err)
    }

    /// Where partitions have passed on, others may have moved their cursors meanwhile.
    fn look_at_held(&mut self) {
        let now = self.partitions.now();
        if now == self.held {
            return;
        }
        self.held = now;
        self.cursors = None;
        self.stopped.retain(|partition, _| self.held.contains(partition));
        let held = &self.held;
        self.health.send_modify(|health| health.partitions.retain(|(p, _)| held.contains(p)));
        self.metrics.stopped(self.stopped.len());
    }

    async fn known_cursors(&mut self) -> Result<BTreeMap<Partition, ViewCursors>, ViewError> {
        match self.cursors.take() {
            Some(cursors) => Ok(cursors),
            None => Ok(self.views.cursors().await?.into_iter().collect()),
        }
    }

    fn wanted(
        &self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        heads: &[Head],
    ) -> Result<Vec<Wanted>, ViewError> {
        if heads.len() != cursors.len() {
            return Err(ViewError::Store(StoreError::Refused(format!(
                "the views have {} partitions and the ledger {}: they belong to another ledger",
                cursors.len(),
                heads.len()
            ))));
        }
        let mut wanted = Vec::with_capacity(heads.len());
        for Head { partition, position: head } in heads.iter().copied() {
            let cursors = cursors.get(&partition).copied().unwrap_or_default();
            cursors.check_head(partition, head)?;
            if self.held.contains(&partition) && !self.stopped.contains_key(&partition) {
                wanted.push(Wanted { partition, after: cursors.lowest(), head });
            }
        }
        Ok(wanted)
    }

    /// One batch for each partition that has something new; and where an event of a later build
    /// cuts one short, that.
    async fn batches(
        &mut self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        records: Vec<Recorded>,
    ) -> Result<(Vec<Batch>, Option<ViewError>), ViewError> {
        let mut by_partition: BTreeMap<Partition, Vec<Recorded>> = BTreeMap::new();
        for recorded in records {
            by_partition.entry(recorded.partition).or_default().push(recorded);
        }
        let mut batches = Vec::with_capacity(by_partition.len());
        let mut unknown = None;
        for (partition, records) in by_partition {
            let cursors = cursors.get(&partition).copied().unwrap_or_default();
            let records = self.whole(partition, &cursors, records).await?;
            let (events, cut) = decode(records);
            match cut {
                Some(error @ ViewError::Unknown { .. }) => unknown = Some(error),
                Some(error) => self.stop_partition(partition, error),
                None => {}
            }
            if !events.is_empty() {
                batches.push(Batch { partition, cursors, events });
            }
            // A long batch must not keep this thread from the requests beside it.
            tokio::task::yield_now().await;
        }
        Ok((batches, unknown))
    }

    /// The records that follow the cursors, refilled from the ledger where the feed has a gap.
    async fn whole(
        &mut self,
        partition: Partition,
        cursors: &ViewCursors,
        records: Vec<Recorded>,
    ) -> Result<Vec<Recorded>, ViewError> {
        if let Sequence::Whole(records) = sequence(cursors, records)? {
            return Ok(records);
        }
        let (from, limit) =
            (cursors.lowest().position.max(1), self.pace.batch_max.saturating_add(1));
        let refill = self.ledger.read(&[Stretch { partition, from, limit }]).await?;
        match sequence(cursors, refill)? {
            Sequence::Whole(records) => Ok(records),
            Sequence::Missing(position) => {
                let cause = "the ledger has later positions and not this one".to_owned();
                self.stop_partition(partition, ViewError::Damaged { partition, position, cause });
                Ok(Vec::new())
            }
        }
    }

    /// Applies the batches, but for what turns out not to fit the rows: that partition stops
    /// before it.
    async fn apply(
        &mut self,
        mut cursors: BTreeMap<Partition, ViewCursors>,
        batches: &mut Vec<Batch>,
    ) -> Result<Outcome, ViewError> {
        while !batches.is_empty() {
            match self.views.apply(batches).await {
                Ok(Applied::Superseded) => return Ok(Outcome::Idle),
                Ok(Applied::Moved) => {
                    cursors.extend(batches.iter().map(|batch| (batch.partition, batch.end())));
                    break;
                }
                Err(error @ ViewError::Damaged { partition, position, .. })
                    if cut(batches, partition, position) =>
                {
                    self.stop_partition(partition, error);
                }
                Err(error) => return Err(error),
            }
        }
        let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
        self.cursors = Some(cursors);
        if events == 0 {
            return Ok(Outcome::Idle);
        }
        self.metrics.applied(events);
        Ok(Outcome::Applied(events))
    }

    fn stop_partition(&mut self, partition: Partition, error: ViewError) {
        tracing::error!(%partition, %error, "a partition's views stop");
        self.health.send_modify(|health| health.partitions.push((partition, error.to_string())));
        self.stopped.insert(partition, error);
        self.metrics.stopped(self.stopped.len());
    }

    fn halt(&self, error: ViewError) -> ViewError {
        tracing::error!(%error, "the views stop");
        self.health.send_modify(|health| health.halted = Some(error.to_string()));
        error
    }
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projector").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// Events up to the first that can't be read, and why it can't.
fn decode(records: Vec<Recorded>) -> (Vec<DecodedEvent>, Option<ViewError>) {
    let mut events = Vec::with_capacity(records.len());
    for recorded in records {
        let (partition, position) = (recorded.partition, recorded.position);
        match recorded.decode() {
            Ok(event) => events.push((recorded, event)),
            Err(cause @ DecodeError::Unknown { .. }) => {
                return (events, Some(ViewError::Unknown { partition, position, cause }));
            }
            Err(cause @ DecodeError::Damaged { .. }) => {
                let cause = cause.to_string();
                return (events, Some(ViewError::Damaged { partition, position, cause }));
            }
        }
    }
    (events, None)
}

/// Cuts the partition's batch before `position`; `false` where nothing there could be cut.
fn cut(batches: &mut Vec<Batch>, partition: Partition, position: u64) -> bool {
    let Some(batch) = batches.iter_mut().find(|batch| batch.partition == partition) else {
        return false;
    };
    let before = batch.events.len();
    batch.events.retain(|(recorded, _)| recorded.position < position);
    let is_shorter = batch.events.len() < before;
    batches.retain(|batch| !batch.events.is_empty());
    is_shorter
}
