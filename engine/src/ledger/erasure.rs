//! Erasing texts: of a text and its salt nothing stays but the hash in the event, which says no more.

use async_trait::async_trait;

use super::StoreError;
use crate::event_text::TextName;
use crate::ids::PaymentId;

/// The port, for whoever may erase: on Postgres the owner of the ledger.
#[async_trait]
pub trait Erasure: Send + Sync + 'static {
    /// Sets these texts of a payment to null, with their salts, in one transaction; how many had not been null.
    /// Their events stay as they are, and every later read has none of them.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where that takes the ledger's owner; else when it can't be written.
    async fn erase(&self, payment_id: PaymentId, names: &[TextName]) -> Result<u64, StoreError>;
}
