//! The sealer of one process: it seals what is new in the partitions that the process's workers hold.
//!
//! Two processes that hold one partition for a moment do no harm: a partition's next number can be
//! given once, and both would have made the same seal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Chain, Seal, SealStore, Sealed};
use crate::clock::Clock;
use crate::defects::{Defect, is_planted};
use crate::ids::Partition;
use crate::lease::HeldPartitions;
use crate::ledger::{Ledger, StoreError, Stretch};

/// What the sealer stands on.
#[derive(Clone)]
pub struct SealerFoundations {
    pub ledger: Arc<dyn Ledger>,
    pub seals: Arc<dyn SealStore>,
    pub partitions: HeldPartitions,
    pub clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealerSettings {
    /// An event is sealed so long after it was first seen.
    pub every: Duration,
    /// So many events are sealed at once; no seal covers more new ones.
    pub events: u64,
}

impl Default for SealerSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(10), events: 10_000 }
    }
}

/// Why a partition can't be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealTrouble {
    #[error(
        "LEDGER_DIVERGED: partition {partition} is sealed up to position {sealed}, and ends at {head}: \
         its tail was deleted, or it was restored from elsewhere; run `daybook verify`"
    )]
    TailLost { partition: Partition, sealed: u64, head: u64 },
    #[error("partition {partition} has nothing at position {position}; run `daybook verify`")]
    Hole { partition: Partition, position: u64 },
}

#[derive(Clone, Debug, Default)]
pub struct SealerMetrics {
    seals: Counter,
    unsealed_events: Gauge,
}

impl SealerMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("ledger_seals", "Seals made by this process", self.seals.clone());
        registry.register(
            "ledger_unsealed_events",
            "Events of the held partitions that no seal covers yet",
            self.unsealed_events.clone(),
        );
    }
}

pub struct Sealer {
    on: SealerFoundations,
    settings: SealerSettings,
    /// Since when a partition has had something to seal.
    waiting: BTreeMap<Partition, Instant>,
    /// The partitions that can't be sealed, and why; told once.
    troubled: BTreeMap<Partition, SealTrouble>,
    metrics: SealerMetrics,
}

/// The longest time between two looks at the heads.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events of one read.
const PAGE: u64 = 1_000;

impl Sealer {
    #[must_use]
    pub fn new(foundations: SealerFoundations, settings: SealerSettings) -> Self {
        Self {
            on: foundations,
            settings,
            waiting: BTreeMap::new(),
            troubled: BTreeMap::new(),
            metrics: SealerMetrics::default(),
        }
    }

    /// What it counts; the clone counts along.
    #[must_use]
    pub fn metrics(&self) -> SealerMetrics {
        self.metrics.clone()
    }

    /// Seals until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let look_every = LOOK_EVERY.min(self.settings.every).max(Duration::from_millis(1));
        while !stop.is_cancelled() {
            if let Err(error) = self.seal_once().await {
                tracing::warn!(%error, "the sealer waits for the ledger");
            }
            let _ = tokio::time::timeout(look_every, stop.cancelled()).await;
        }
    }

    /// Seals what is due in the held partitions; how many seals it made.
    ///
    /// # Errors
    /// When the ledger can't be used; what was not sealed is due again.
    pub async fn seal_once(&mut self) -> Result<usize, StoreError> {
        let held = self.on.partitions.now();
        self.waiting.retain(|partition, _| held.contains(partition));
        self.troubled.retain(|partition, _| held.contains(partition));
        if held.is_empty() {
            return Ok(0);
        }
        // The seals first: a head never stands before a seal that was read earlier.
        let last = self.on.seals.last_seals(&held).await?;
        let heads = self.on.ledger.heads().await?;
        let (mut made, mut unsealed) = (0_usize, 0_u64);
        for (partition, last) in held.iter().copied().zip(last) {
            let head = heads.get(partition.index()).map_or(0, |head| head.position);
            let due = self.due(partition, last.as_ref(), head);
            let sealed = match due {
                true => self.seal_up_to(partition, last, head).await?,
                false => Progress { position: last.map_or(0, |seal| seal.position), made: 0 },
            };
            made = made.saturating_add(sealed.made);
            unsealed = unsealed.saturating_add(head.saturating_sub(sealed.position));
        }
        self.metrics.unsealed_events.set(i64::try_from(unsealed).unwrap_or(i64::MAX));
        Ok(made)
    }

    fn due(&mut self, partition: Partition, last: Option<&Seal>, head: u64) -> bool {
        let sealed = last.map_or(0, |seal| seal.position);
        if sealed > head {
            self.tell(SealTrouble::TailLost { partition, sealed, head }, partition);
            return false;
        }
        if sealed == head || self.troubled.contains_key(&partition) {
            self.waiting.remove(&partition);
            return false;
        }
        let since = *self.waiting.entry(partition).or_insert_with(Instant::now);
        head.saturating_sub(sealed) >= self.settings.events
            || since.elapsed() >= self.settings.every
    }

    async fn seal_up_to(
        &mut self,
        partition: Partition,
        mut last: Option<Seal>,
        head: u64,
    ) -> Result<Progress, StoreError> {
        let identity = self.on.ledger.identity();
        let mut chain = match &last {
            Some(seal) => Chain::from_seal(seal),
            None => Chain::begin(identity.id, partition),
        };
        self.waiting.remove(&partition);
        let mut made = 0_usize;
        while chain.position() < head {
            let sealed = chain.position();
            let end = head.min(sealed.saturating_add(self.settings.events.max(1)));
            if let Err(trouble) = self.fold(partition, &mut chain, end).await? {
                self.tell(trouble, partition);
                return Ok(Progress { position: sealed, made });
            }
            let seal = Seal {
                partition,
                number: last.map_or(0, |seal| seal.number).saturating_add(1),
                position: chain.position(),
                hash: chain.hash(),
                incarnation: identity.incarnation,
                sealed_at: self.on.clock.now(),
            };
            match self.on.seals.add_seal(&seal).await? {
                // Whoever did goes on from there.
                Sealed::Superseded => return Ok(Progress { position: sealed, made }),
                Sealed::Added => self.count(&seal),
            }
            made = made.saturating_add(1);
            last = Some(seal);
        }
        Ok(Progress { position: chain.position(), made })
    }

    async fn fold(
        &self,
        partition: Partition,
        chain: &mut Chain,
        end: u64,
    ) -> Result<Result<(), SealTrouble>, StoreError> {
        while chain.position() < end {
            let from = chain.position().saturating_add(1);
            let limit = PAGE.min(end.saturating_sub(chain.position()));
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let events = self.on.ledger.read(&[Stretch { partition, from, limit }]).await?;
            let mut due = from;
            for event in &events {
                if event.position != due && !is_planted(Defect::HoleSealedOver) {
                    break;
                }
                chain.add(event);
                due = event.position.saturating_add(1);
            }
            if due != from.saturating_add(u64::from(limit)) {
                let hole = SealTrouble::Hole { partition, position: due };
                return Ok(if is_planted(Defect::HoleSealedOver) { Ok(()) } else { Err(hole) });
            }
        }
        Ok(Ok(()))
    }

    fn count(&self, seal: &Seal) {
        let Seal { partition, number, position, hash, incarnation, .. } = seal;
        tracing::info!(%partition, number, position, %hash, incarnation, "sealed");
        self.metrics.seals.inc();
    }

    fn tell(&mut self, trouble: SealTrouble, partition: Partition) {
        if self.troubled.get(&partition) != Some(&trouble) {
            tracing::error!(cause = %trouble, "a partition can't be sealed");
            self.troubled.insert(partition, trouble);
        }
    }
}

/// How far a partition is sealed now.
struct Progress {
    position: u64,
    made: usize,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
