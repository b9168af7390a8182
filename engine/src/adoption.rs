//! A restored ledger goes on: its incarnation rises, and whatever has seen more than it holds is put right.

mod standing;

pub use standing::Standing;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::ids::Partition;
use crate::ledger::{Adoption, Head, Ledger, StoreError};
use crate::work::ForgetWork;

/// Who follows the ledger by cursors of its own: the port.
#[async_trait]
pub trait Follower: Send {
    /// Compares its cursors with the ledger, and remembers what it finds; each of them, by partition.
    ///
    /// # Errors
    /// When a store can't be read.
    async fn look(
        &mut self,
        ledger: &dyn Ledger,
        heads: &[Head],
    ) -> Result<Vec<(Partition, Standing)>, StoreError>;

    /// Puts right what it found, and says of each thing what becomes of it.
    ///
    /// # Errors
    /// When a store can't be written, or somebody moves the cursors meanwhile; then the ledger is to be
    /// adopted again.
    async fn repair(&mut self, say: &mut (dyn FnMut(String) + Send)) -> Result<(), StoreError>;
}

/// A restored ledger, which nothing serves from.
pub struct Restored<'a> {
    pub ledger: &'a dyn Ledger,
    pub adoption: &'a dyn Adoption,
    pub work: &'a dyn ForgetWork,
    pub followers: Vec<Box<dyn Follower + 'a>>,
}

impl Restored<'_> {
    /// Raises the incarnation and repairs what is ahead of the ledger; what the incarnation is now.
    ///
    /// # Errors
    /// When a store can't be used; then it is to be run again.
    pub async fn adopt(
        mut self,
        at: Timestamp,
        say: &mut (dyn FnMut(String) + Send),
    ) -> Result<u32, StoreError> {
        let heads = self.ledger.heads().await?;
        let mut standings = Vec::new();
        for follower in &mut self.followers {
            standings.extend(follower.look(self.ledger, &heads).await?);
        }
        // First of all: what is published after an adoption that ended half way is never taken for the
        // past.
        let incarnation = self.adoption.adopt(&starts(&heads, &standings), at).await?;
        for follower in &mut self.followers {
            follower.repair(say).await?;
        }
        self.work.forget().await?;
        say("the workers' rows are folded anew from the ledger".to_owned());
        Ok(incarnation)
    }
}

/// Up to where each partition held what was written before the restore. Where events were added since,
/// nobody knows.
fn starts(heads: &[Head], standings: &[(Partition, Standing)]) -> Vec<(Partition, u64)> {
    let start = |head: &Head| match standings.contains(&(head.partition, Standing::Other)) {
        true => (head.partition, 0),
        false => (head.partition, head.position),
    };
    heads.iter().map(start).collect()
}

impl std::fmt::Debug for Restored<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restored").field("ledger", &self.ledger.identity()).finish_non_exhaustive()
    }
}
