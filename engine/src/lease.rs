//! Leases: the processes of a role share the ledger's partitions, and take over those of one that
//! died. A lease avoids double work, and nothing rests on it: claims and the cursors' compare-and-set
//! keep the book right where two processes hold one partition for a moment.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod fair;
mod keeper;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod postgres;

pub use keeper::LeaseKeeper;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use crate::ids::Partition;
use crate::ledger::StoreError;

/// What shares the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseRole {
    Workers,
    Projections,
    Relay,
}

impl LeaseRole {
    pub const ALL: [Self; 3] = [Self::Workers, Self::Projections, Self::Relay];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Projections => "projections",
            Self::Relay => "relay",
        }
    }
}

/// The port.
#[async_trait]
pub trait LeaseStore: Send + Sync + 'static {
    /// Says that `holder` is alive, renews what it holds for `hold` on the store's clock, gives up
    /// what is beyond its fair share of the live holders, and takes what is free up to that share.
    /// What it holds now, in order of partition.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn share(
        &self,
        role: LeaseRole,
        holder: Uuid,
        hold: Duration,
    ) -> Result<Vec<Partition>, StoreError>;

    /// Gives everything up at once: the process stops.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn leave(&self, role: LeaseRole, holder: Uuid) -> Result<(), StoreError>;
}

/// The partitions that this process holds now; cheap to clone.
#[derive(Clone, Debug)]
pub struct HeldPartitions(watch::Receiver<Arc<[Partition]>>);

impl HeldPartitions {
    /// Every partition, for ever: a process that shares its ledger with no other.
    #[must_use]
    pub fn all(count: u16) -> Self {
        // The value stays when its sender goes.
        Self(watch::channel(Partition::all(count).collect()).1)
    }

    /// Those of the moment: somebody else may hold them in the next one.
    #[must_use]
    pub fn now(&self) -> Arc<[Partition]> {
        self.0.borrow().clone()
    }
}

impl From<watch::Receiver<Arc<[Partition]>>> for HeldPartitions {
    fn from(held: watch::Receiver<Arc<[Partition]>>) -> Self {
        Self(held)
    }
}
