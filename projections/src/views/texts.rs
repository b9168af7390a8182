//! The texts view: what clients wrote about payments, beside the views of what happened to them.
//!
//! Free text never enters an event, so this view is read from the ledger's `event_text` whatever the feed is,
//! and it alone forgets what was erased. A text may have been read before it was erased and arrive here after:
//! `erased_text` says what must not come in any more, and stands in the transaction that takes the text out.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use daybook_engine::event_text::{EventText, TextName};
use daybook_engine::ids::{Partition, PaymentId};

use crate::error::ViewError;
use crate::views::Batch;
use fold::TextRow;

/// The texts that the ledger holds of some payments.
pub type PaymentTexts = BTreeMap<PaymentId, Vec<EventText>>;

/// The port, for whoever erases.
#[async_trait]
pub trait EraseViewTexts: Send + Sync + 'static {
    /// Takes these texts of a payment out of the view, now and for good; how many rows they were. The ledger
    /// has none of them any more: what is read there from now on is null.
    ///
    /// # Errors
    /// When the store can't be written; nothing changed.
    async fn erase_texts(
        &self,
        partition: Partition,
        payment_id: PaymentId,
        names: &[TextName],
    ) -> Result<u64, ViewError>;
}

/// What was erased of the payments of these rows.
#[derive(Debug, Default)]
pub(super) struct Erased(pub(super) BTreeSet<(PaymentId, String)>);

impl Erased {
    /// Leaves out what was read before it was erased.
    fn retain(&self, rows: &mut Vec<TextRow>) {
        if !self.0.is_empty() {
            rows.retain(|row| !self.0.contains(&(row.payment_id, row.text_name().to_owned())));
        }
    }
}

/// The texts that a batch's payments have, all of them in one.
pub(super) fn texts_of(batches: &[Batch]) -> PaymentTexts {
    batches.iter().flat_map(|batch| batch.texts.clone()).collect()
}
