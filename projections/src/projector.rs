//! The projector: from the feed into the views, batch by batch, the next one read while one is written.

mod ahead;
mod applying;
mod health;
mod measuring;
mod metrics;
mod pace;
mod reading;

pub use health::Health;
pub use metrics::ProjectionMetrics;
pub use pace::Pace;

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Head, Ledger, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::ViewError;
use crate::feed::{Feed, Wanted};
use crate::views::{ViewCursors, ViewStore};
use ahead::Ahead;
use pace::Pacing;

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// So many events were applied, or left out with their parked payment.
    Applied(usize),
    /// Nothing new, or somebody else was faster.
    Idle,
}

/// A partition in which more payments are parked stands still: then not the payments are to blame.
pub const PARKED_MAX: u64 = 1_000;

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
    /// What was read while the last batches were written.
    ahead: Option<Ahead>,
    /// The partitions that stand still, and why.
    stopped: BTreeMap<Partition, ViewError>,
    clock: Arc<dyn Clock>,
    /// When the parked payments were last counted.
    counted_at: Option<Instant>,
    /// When the lag was last measured.
    measured_at: Option<Instant>,
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
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            feed,
            views,
            pace,
            partitions,
            held: Arc::default(),
            cursors: None,
            ahead: None,
            stopped: BTreeMap::new(),
            clock,
            counted_at: None,
            measured_at: None,
            health: watch::Sender::new(Health::default()),
            metrics: ProjectionMetrics::default(),
        }
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
            let outcome = self.project_once().await;
            self.say_what_is_waited_for(outcome.as_ref().err());
            let pause = match outcome {
                Err(error) if !error.is_transient() => return Err(self.halt(error)),
                outcome => pacing.after(outcome),
            };
            tokio::select! {
                biased;
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
        self.count_parked().await?;
        let cursors = self.known_cursors().await?;
        let heads = self.ledger.heads().await?;
        let wanted = self.wanted(&cursors, &heads)?;
        self.measure_lag(&cursors, &heads).await?;
        let fed = self.fed(&cursors, &wanted).await?;
        let (batches, unknown) = self.batches(&cursors, fed).await?;
        let reading = self.reading_ahead(&cursors, &heads, &batches)?;
        let reading = async { reading?.run().await };
        let (outcome, ahead) = tokio::join!(biased; self.apply(cursors, batches), reading);
        self.ahead = ahead;
        let outcome = outcome?;
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
        self.ahead = None;
        self.counted_at = None;
        self.measured_at = None;
        self.stopped.retain(|partition, _| self.held.contains(partition));
        self.say_what_stands();
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
                let (after, topic_offset) = (cursors.lowest(), cursors.topic_offset);
                wanted.push(Wanted { partition, after, head, topic_offset });
            }
        }
        Ok(wanted)
    }

    fn stop_partition(&mut self, partition: Partition, error: ViewError) {
        tracing::error!(%partition, %error, "a partition's views stop");
        self.stopped.insert(partition, error);
        self.ahead = None;
        self.say_what_stands();
    }

    fn say_what_stands(&self) {
        let standing = self.stopped.iter().map(|(partition, why)| (*partition, why.to_string()));
        let standing: Vec<_> = standing.collect();
        self.metrics.stopped(standing.len());
        self.health.send_if_modified(|health| {
            let is_new = health.partitions != standing;
            health.partitions = standing;
            is_new
        });
    }

    fn say_what_is_waited_for(&self, error: Option<&ViewError>) {
        let waiting = error.filter(|error| error.is_transient()).map(ToString::to_string);
        self.health.send_if_modified(|health| {
            let is_new = health.waiting != waiting;
            health.waiting = waiting;
            is_new
        });
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
