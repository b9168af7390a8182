//! The ledger's seals to the topic of seals, each at least once, in order of their numbers.
//!
//! A cursor for each partition stands beside the relay's own, under the name of that topic: its position
//! is a seal's number, its event id the first half of that seal's hash.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::broker::topic::{FOR_EVER, TopicSettings};
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, LedgerId, Partition};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::StoreError;
use daybook_engine::seal::{ExportedSeal, Seal, SealStore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cursors::{CursorMove, RelayCursor, RelayCursors};

/// What it stands on.
#[derive(Clone)]
pub struct SealRelay {
    pub ledger: LedgerId,
    pub seals: Arc<dyn SealStore>,
    pub broker: Arc<dyn Broker>,
    pub cursors: Arc<dyn RelayCursors>,
    pub partitions: HeldPartitions,
    /// As of the events' topic; seals are kept for ever all the same.
    pub replication_factor: Option<u16>,
}

/// Why nothing was published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SealRelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Between two looks for new seals.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Seals of a partition at a time.
const PAGE: u32 = 500;

impl SealRelay {
    /// Publishes until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut wait = LOOK_EVERY;
        while !stop.is_cancelled() {
            wait = match self.publish_once().await {
                Ok(_) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "seals can't be published; they wait");
                    WAIT_MAX.min(wait.saturating_mul(2))
                }
            };
            let _ = tokio::time::timeout(wait, stop.cancelled()).await;
        }
    }

    /// Publishes what the held partitions have new; how many seals.
    ///
    /// # Errors
    /// [`SealRelayError`]; what may have been written is written again.
    pub async fn publish_once(&self) -> Result<usize, SealRelayError> {
        let held = self.partitions.now();
        let topic = self.broker.name().seals();
        let cursors = self.cursors.load(&topic, &held).await?;
        let (mut new, mut moves) = (Vec::new(), Vec::new());
        for (partition, cursor) in held.iter().copied().zip(cursors) {
            let seals = self.unpublished(partition, cursor.published).await?;
            if let Some(last) = seals.last() {
                let to = RelayCursor { published: standing_at(last), ..RelayCursor::default() };
                moves.push(CursorMove { partition, from: cursor.published, to });
            }
            new.extend(seals.iter().map(|seal| ExportedSeal::new(self.ledger, seal)));
        }
        if !new.is_empty() {
            let replication_factor = self.replication_factor;
            let settings = TopicSettings { retention: FOR_EVER, replication_factor };
            self.broker.write_seals(&new, &settings).await?;
            // Where another relay has moved a cursor, its seals stand in the topic twice.
            self.cursors.save(&topic, &moves).await?;
        }
        Ok(new.len())
    }

    /// The seals behind the cursor. After a restore its seal may be gone, or be another one: then all of
    /// the partition's are published again.
    async fn unpublished(
        &self,
        partition: Partition,
        cursor: Cursor,
    ) -> Result<Vec<Seal>, StoreError> {
        let before = cursor.position.saturating_sub(1);
        let mut seals = self.seals.seals(partition, before, PAGE).await?;
        if cursor.position == 0 {
            return Ok(seals);
        }
        if seals.first().is_some_and(|seal| standing_at(seal) == cursor) {
            seals.remove(0);
            return Ok(seals);
        }
        tracing::warn!(%partition, "the published seals are not those of this ledger: all again");
        self.seals.seals(partition, 0, PAGE).await
    }
}

fn standing_at(seal: &Seal) -> Cursor {
    let (half, _) = seal.hash.0.split_at(16);
    let event_id = Uuid::from_slice(half).unwrap_or_default();
    Cursor { position: seal.number, event_id: Some(EventId::from_uuid(event_id)) }
}

impl std::fmt::Debug for SealRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealRelay").field("topic", self.broker.name()).finish_non_exhaustive()
    }
}
