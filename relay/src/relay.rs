//! The relay of one process: it reads the partitions it holds from their cursors, produces in order,
//! and moves the cursors behind what the topic has acknowledged.
//!
//! One session is one producer. Whatever goes wrong with the broker ends it; the breaker says when
//! the next one may be tried, and it begins at the saved cursors. What the last one had under way
//! may then stand in the topic twice, and never out of order: a producer writes a record only behind
//! those it was given before, and begins behind one that was acknowledged.

mod circuit;
mod health;
mod metrics;
mod outbox;
mod reading;
mod session;
mod track;

pub use health::RelayHealth;
pub use metrics::RelayMetrics;
pub use outbox::{Outbox, outbox};

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::clock::Clock;
use daybook_engine::cursor::Diverged;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Ledger, StoreError};
use daybook_engine::wake::Wake;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::circuit::Circuit;
use self::session::Session;
use crate::breaker::Backoff;
use crate::cursors::RelayCursors;
use daybook_engine::broker::topic::{TopicError, TopicSettings, open_topic};
use daybook_engine::broker::{Broker, BrokerError, Trouble};

/// What a relay stands on.
#[derive(Clone)]
pub struct RelayFoundations {
    pub ledger: Arc<dyn Ledger>,
    pub broker: Arc<dyn Broker>,
    pub cursors: Arc<dyn RelayCursors>,
    pub partitions: HeldPartitions,
    pub clock: Arc<dyn Clock>,
    pub wake: Wake,
    /// Sets the retries of several processes apart.
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// How the topic is created where there is none.
    pub topic: TopicSettings,
    pub backoff: Backoff,
    /// Records that may wait for their acknowledgement, in all; each partition gets an equal share.
    pub in_flight_max: usize,
    /// Events of one read.
    pub batch_max: u32,
    /// With records in flight and none acknowledged for so long, the broker counts as gone.
    pub acknowledgement_limit: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            topic: TopicSettings::default(),
            backoff: Backoff::default(),
            in_flight_max: 50_000,
            batch_max: 4_000,
            acknowledgement_limit: Duration::from_secs(5),
        }
    }
}

/// Why a relay stops, or a session of it ends.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RelayError {
    /// The ledger is not the one that this topic was fed from: nothing more is published.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error(transparent)]
    Delivery(#[from] Trouble),
    #[error("no record was acknowledged for {} ms", .0.as_millis())]
    Unacknowledged(Duration),
}

impl From<BrokerError> for RelayError {
    fn from(error: BrokerError) -> Self {
        Self::Topic(error.into())
    }
}

/// A relay; clones are the same one.
#[derive(Clone)]
pub struct Relay {
    on: Arc<RelayFoundations>,
    settings: RelaySettings,
    metrics: RelayMetrics,
    health: Arc<watch::Sender<RelayHealth>>,
}

/// Between two looks at the outbox for the metrics.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

impl Relay {
    #[must_use]
    pub fn new(foundations: RelayFoundations, settings: RelaySettings) -> Self {
        let health = Arc::new(watch::Sender::default());
        Self { on: Arc::new(foundations), settings, metrics: RelayMetrics::default(), health }
    }

    /// What stands still, and why.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<RelayHealth> {
        self.health.subscribe()
    }

    /// What it counts; the clone counts along.
    #[must_use]
    pub fn metrics(&self) -> RelayMetrics {
        self.metrics.clone()
    }

    /// Publishes until `stop`, then waits a moment for what is under way.
    ///
    /// # Errors
    /// [`RelayError::Diverged`]: going on could do harm. Everything else is tried again.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), RelayError> {
        let beside = stop.child_token();
        let _end_with_this = beside.clone().drop_guard();
        tokio::spawn(self.clone().measure(beside));
        let mut circuit = Circuit::new(self);
        while circuit.closes(&stop).await {
            let ended = match self.open_session().await {
                Ok(session) => session.run(&mut circuit, &stop).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => {}
                Err(error @ RelayError::Diverged(_)) => return Err(self.halt(error)),
                Err(error) => circuit.failed(&error),
            }
        }
        Ok(())
    }

    async fn open_session(&self) -> Result<Session<'_>, RelayError> {
        let partitions = self.on.ledger.identity().partitions;
        open_topic(&*self.on.broker, partitions, &self.settings.topic).await?;
        Session::open(self)
    }

    fn halt(&self, error: RelayError) -> RelayError {
        tracing::error!(%error, "the relay stops");
        self.health.send_modify(|health| health.stopped = Some(error.to_string()));
        error
    }

    /// Keeps the figures of the outbox, also while nothing can be published.
    async fn measure(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let (ledger, cursors) = (&*self.on.ledger, &*self.on.cursors);
            let (topic, held) = (self.on.broker.name(), self.on.partitions.now());
            match outbox(ledger, cursors, topic, &held, &*self.on.clock).await {
                Ok(outbox) => {
                    self.metrics.outbox(outbox);
                    self.health.send_modify(|health| health.outbox = outbox);
                }
                Err(error) => tracing::debug!(%error, "the outbox could not be measured"),
            }
            let _ = tokio::time::timeout(MEASURE_EVERY, stop.cancelled()).await;
        }
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("settings", &self.settings).finish_non_exhaustive()
    }
}
