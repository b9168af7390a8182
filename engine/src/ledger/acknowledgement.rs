//! What people have seen: the acquirer's contradictions, which stand in the ledger as `late_outcome` and
//! which no event resolves.
//!
//! They stand beside the events, since nothing else of them could be made again; but they are no events,
//! because no payment is another for them.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::clock::Timestamp;
use crate::ids::PaymentId;

/// That somebody has seen one late outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub payment_id: PaymentId,
    /// The version of the `late_outcome` event.
    pub version: u32,
    pub by: Arc<str>,
    pub why: Arc<str>,
    pub at: Timestamp,
}

/// The port.
#[async_trait]
pub trait Acknowledgements: Send + Sync + 'static {
    /// Keeps it for ever. `false` where that event was acknowledged before, which stays as it is.
    ///
    /// # Errors
    /// When the store can't be written.
    async fn acknowledge(&self, given: &Acknowledgement) -> Result<bool, StoreError>;

    /// Those of a payment, in order of version.
    ///
    /// # Errors
    /// When the store can't be read.
    async fn acknowledged(&self, payment_id: PaymentId)
    -> Result<Vec<Acknowledgement>, StoreError>;
}
