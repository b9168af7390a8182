//! Workers: they act on open operations (call the acquirer or ask it what became of them), record
//! the outcome, and let authorizations run out. They read the ledger, never Kafka.
//!
//! One loop folds new events into work rows, claims what is due and starts it, in the partitions
//! that this process holds; each claim is acted on by a task of its own, to its end, whoever holds
//! the partition by then.

mod act;
mod expiry;
mod folding;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acquirer::{Acquirer, AcquirerLimits};
use crate::clock::Clock;
use crate::cursor::Diverged;
use crate::engine::{Engine, EngineError, EngineMetrics};
use crate::ids::Partition;
use crate::lease::HeldPartitions;
use crate::ledger::{Ledger, StoreError};
use crate::payment::DecodeError;
use crate::wake::Wake;
use crate::work::{InquirySchedule, WorkCounts, WorkStore};

/// What the workers stand on.
#[derive(Clone)]
pub struct WorkerFoundations {
    pub engine: Engine,
    pub ledger: Arc<dyn Ledger>,
    pub work: Arc<dyn WorkStore>,
    pub partitions: HeldPartitions,
    pub acquirer: Arc<dyn Acquirer>,
    pub clock: Arc<dyn Clock>,
    pub wake: Wake,
    pub metrics: Arc<EngineMetrics>,
}

impl fmt::Debug for WorkerFoundations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerFoundations")
    }
}

#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Operations that may be with the acquirer at a time.
    pub concurrency_max: usize,
    pub limits: AcquirerLimits,
    pub schedule: InquirySchedule,
}

/// Why the workers stop, or pause.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Diverged(#[from] Diverged),
    #[error("the workers can't read an event")]
    Unreadable(#[from] DecodeError),
    #[error("the workers can't use a store")]
    Store(#[from] StoreError),
    #[error("the workers can't record an outcome")]
    Engine(#[from] EngineError),
}

impl WorkerError {
    /// Whether going on could do harm.
    const fn is_fatal(&self) -> bool {
        matches!(self, Self::Diverged(_) | Self::Unreadable(_))
    }
}

/// The workers of one process.
#[derive(Clone, Debug)]
pub struct Workers {
    on: Arc<WorkerFoundations>,
    settings: Arc<WorkerSettings>,
    free: Arc<Semaphore>,
    acted: Arc<Notify>,
    acting: TaskTracker,
    is_running: Arc<AtomicBool>,
    /// The partitions that stand before a damaged event.
    standing: Arc<Mutex<BTreeMap<Partition, String>>>,
}

/// Between two looks after the last thing that happened, and at the longest, when nothing has
/// happened for a while: nobody signals what another process commits.
const POLL_IDLE_FIRST: Duration = Duration::from_millis(10);
const POLL_IDLE_LAST: Duration = Duration::from_millis(100);
/// Between two looks while the ledger grows: events gather, so that work rows change in batches.
const PACE: Duration = Duration::from_millis(10);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
/// Between two counts of the work rows for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);

impl Workers {
    #[must_use]
    pub fn new(foundations: WorkerFoundations, settings: WorkerSettings) -> Self {
        Self {
            on: Arc::new(foundations),
            free: Arc::new(Semaphore::new(settings.concurrency_max)),
            settings: Arc::new(settings),
            acted: Arc::new(Notify::new()),
            acting: TaskTracker::new(),
            is_running: Arc::new(AtomicBool::new(true)),
            standing: Arc::default(),
        }
    }

    /// Whether the loop still runs: it stops for good where going on could do harm.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    /// Works until `stop`, then lets running calls end.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ledger_grew = self.on.wake.listen();
        let beside = stop.child_token();
        let counting = tokio::spawn(self.clone().count(beside.clone()));
        let mut idle = POLL_IDLE_FIRST;
        while !stop.is_cancelled() {
            match self.work_once().await {
                Ok(true) => {
                    idle = POLL_IDLE_FIRST;
                    tokio::time::sleep(PACE).await;
                }
                Ok(false) => {
                    let is_awake = tokio::select! {
                        biased;
                        _ = ledger_grew.changed() => {
                            tokio::time::sleep(PACE).await;
                            true
                        }
                        () = self.acted.notified() => true,
                        () = stop.cancelled() => true,
                        () = tokio::time::sleep(idle) => false,
                    };
                    idle = if is_awake { POLL_IDLE_FIRST } else { longer(idle) };
                }
                Err(error) if error.is_fatal() => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the workers stop");
                    break;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the workers pause");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
        self.is_running.store(false, Ordering::Relaxed);
        beside.cancel();
        self.acting.close();
        self.acting.wait().await;
        // It ends with the stop, and leaves nothing half done.
        let _ = counting.await;
    }

    /// Keeps the figures of open and flagged operations in the partitions held here.
    async fn count(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let held = self.on.partitions.now();
            let counts = if held.is_empty() {
                Ok(WorkCounts::default())
            } else {
                self.on.work.counts(&held).await
            };
            match counts {
                Ok(counts) => {
                    let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                    self.on.metrics.open_operations.set(gauge(counts.open));
                    self.on.metrics.flagged_operations.set(gauge(counts.flagged));
                }
                Err(error) => tracing::debug!(%error, "open operations could not be counted"),
            }
            let _ = tokio::time::timeout(COUNT_EVERY, stop.cancelled()).await;
        }
    }

    /// One round: `true` where there may be more to do at once.
    ///
    /// # Errors
    /// [`WorkerError`]; what was not done is due again.
    pub async fn work_once(&self) -> Result<bool, WorkerError> {
        let held = self.on.partitions.now();
        self.forget_others(&held);
        if held.is_empty() {
            return Ok(false);
        }
        let folded = self.fold_once(&held).await?;
        let claimed = self.claim_once(&held).await?;
        let expired = self.expire_once(&held).await?;
        Ok(folded || claimed || expired)
    }
}

/// The wait after one in which nothing happened.
fn longer(idle: Duration) -> Duration {
    POLL_IDLE_LAST.min(idle.saturating_mul(2))
}
