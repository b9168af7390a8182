//! Building a view anew beside the one that is read, and putting it in that one's place.
//!
//! A shadow of the views' tables is folded from the first event by a projector like any other, one view
//! alone and never further than the live one. When it is near, the live view is held where it stands, the
//! shadow is folded up to the very same events, the two are compared, and the rows change places in one
//! transaction. A process that dies before that has changed nothing.

mod capped;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Head, Ledger};

use self::capped::CappedLedger;
use crate::error::ViewError;
use crate::feed::LedgerFeed;
use crate::projector::{Outcome, Pace, Projector};
use crate::views::{View, ViewStore};

/// The port: the live views of a store, and a shadow for one of them.
#[async_trait]
pub trait RebuildStore: Send + Sync + 'static {
    /// An empty store that folds the view and no other.
    fn shadow(&self) -> Arc<dyn ViewStore>;

    /// Stops the live view where it stands, until what is returned is dropped or has replaced it.
    ///
    /// # Errors
    /// When the store can't be used.
    async fn hold(&self) -> Result<Box<dyn HeldView>, ViewError>;

    /// Takes the shadow away.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn discard(&self) -> Result<(), ViewError>;
}

/// A live view that stands still.
#[async_trait]
pub trait HeldView: Send {
    /// How far it has got in each partition.
    fn positions(&self) -> &[(Partition, u64)];

    /// How many rows stand in one of the two and not in the other.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn differences(&mut self) -> Result<u64, ViewError>;

    /// Puts the shadow's rows and cursors in the place of the live ones; how many rows they are.
    ///
    /// # Errors
    /// When the store can't be written; then the live view is as it was.
    async fn replace(self: Box<Self>) -> Result<u64, ViewError>;
}

/// What a rebuild came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub view: View,
    pub events: u64,
    pub rows: u64,
    /// Rows that were not the same in the live view, which stood at the same position.
    pub differences: u64,
}

/// So near behind the live view, it is worth being held.
const NEAR: u64 = 2_000;

/// A rebuild under way.
pub struct Rebuild {
    pub view: View,
    pub ledger: Arc<dyn Ledger>,
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn RebuildStore>,
}

impl Rebuild {
    /// Builds and replaces; `progress` is told how many events were folded since it was last told.
    ///
    /// # Errors
    /// When a store can't be used, or holds an event that no view takes; the live view is as it was.
    pub async fn run(self, mut progress: impl FnMut(u64) + Send) -> Result<Rebuilt, ViewError> {
        let mut events = 0_u64;
        loop {
            // Read like any reader, and let go at once.
            let caps = heads(self.store.hold().await?.positions());
            let folded = self.fold_up_to(&caps, &mut progress).await?;
            events = events.saturating_add(folded);
            if folded < NEAR {
                break;
            }
        }
        let mut held = self.store.hold().await?;
        let caps = heads(held.positions());
        events = events.saturating_add(self.fold_up_to(&caps, &mut progress).await?);
        let differences = held.differences().await?;
        let rows = held.replace().await?;
        self.store.discard().await?;
        Ok(Rebuilt { view: self.view, events, rows, differences })
    }

    async fn fold_up_to(
        &self,
        caps: &[Head],
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<u64, ViewError> {
        let ledger: Arc<dyn Ledger> =
            Arc::new(CappedLedger { inner: self.ledger.clone(), caps: caps.to_vec() });
        let partitions = HeldPartitions::all(self.ledger.identity().partitions);
        let feed = Arc::new(LedgerFeed::new(ledger.clone()));
        let (shadow, clock) = (self.store.shadow(), self.clock.clone());
        let mut projector =
            Projector::new(ledger, feed, shadow, Pace::default(), partitions, clock);
        let mut events = 0_u64;
        while let Outcome::Applied(count) = projector.project_once().await? {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            events = events.saturating_add(count);
            progress(count);
        }
        self.check_reached(caps).await?;
        Ok(events)
    }

    /// A partition that stands still stands before an event that is to be mended first.
    async fn check_reached(&self, caps: &[Head]) -> Result<(), ViewError> {
        let reached: BTreeMap<_, _> = self.store.shadow().cursors().await?.into_iter().collect();
        for Head { partition, position } in caps.iter().copied() {
            let at = reached.get(&partition).map_or(0, |cursors| cursors.of(self.view).position);
            if at < position {
                let heads = self.ledger.heads().await?;
                let ends = |head: &Head| head.partition == partition && head.position <= at;
                let cause = if heads.iter().any(ends) {
                    format!(
                        "the live view's cursor stands at {position}, where the ledger does not get to: was \
                         it restored (`daybook ledger adopt`)?"
                    )
                } else {
                    "it can't be folded".to_owned()
                };
                let position = at.saturating_add(1);
                return Err(ViewError::Damaged { partition, position, cause });
            }
        }
        Ok(())
    }
}

fn heads(positions: &[(Partition, u64)]) -> Vec<Head> {
    let head = |(partition, position): &(Partition, u64)| {
        let (partition, position) = (*partition, *position);
        Head { partition, position }
    };
    positions.iter().map(head).collect()
}

impl std::fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("view", &self.view).finish_non_exhaustive()
    }
}
