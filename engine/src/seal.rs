//! Seals: what a partition held when it was sealed, as one hash that nobody can make again after
//! changing an event. `docs/seals.md` defines the chain for who checks it elsewhere.

mod chain;
mod exported;
mod hash;
mod sealer;

pub use chain::{Chain, ChainLink};
pub use exported::{ExportedSeal, NoSeal};
pub use hash::SealHash;
pub use sealer::{SealTrouble, Sealer, SealerFoundations, SealerMetrics, SealerSettings};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::ids::Partition;
use crate::ledger::StoreError;

/// The chain's value after a position, as it was recorded then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    pub partition: Partition,
    /// 1, 2, 3… in its partition.
    pub number: u64,
    /// The last event that it covers; it covers all before it too.
    pub position: u64,
    pub hash: SealHash,
    /// Of the ledger, when it was made.
    pub incarnation: u32,
    pub sealed_at: Timestamp,
}

/// What became of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sealed {
    /// On disk.
    Added,
    /// Another process sealed the partition meanwhile; nothing was written.
    Superseded,
}

/// The port: the seals stand beside the events.
#[async_trait]
pub trait SealStore: Send + Sync + 'static {
    /// The last seal of each of these partitions, in their order.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn last_seals(&self, partitions: &[Partition]) -> Result<Vec<Option<Seal>>, StoreError>;

    /// Up to `limit` seals of a partition behind the given number, in order of number.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn seals(
        &self,
        partition: Partition,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Seal>, StoreError>;

    /// Adds its partition's next seal.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn add_seal(&self, seal: &Seal) -> Result<Sealed, StoreError>;
}
