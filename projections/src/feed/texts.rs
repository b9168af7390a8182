//! Texts of events: no feed carries them, so they are read where they stand, beside the ledger.

use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::{Ledger, StoreError};

use crate::views::{DecodedEvent, PaymentTexts};

/// What the ledger holds now of the texts of these events' payments; asked only where an event has any.
///
/// # Errors
/// When the ledger can't be read.
pub(crate) async fn texts_of(
    ledger: &dyn Ledger,
    events: impl Iterator<Item = &DecodedEvent>,
) -> Result<PaymentTexts, StoreError> {
    let with_texts = events.filter(|(_, event)| !event.text_hashes().is_empty());
    let mut payments: Vec<PaymentId> = with_texts.map(|(event, _)| event.payment_id).collect();
    payments.sort_unstable();
    payments.dedup();
    let mut texts = PaymentTexts::new();
    if !payments.is_empty() {
        for (payment_id, text) in ledger.texts_of(&payments).await? {
            texts.entry(payment_id).or_default().push(text);
        }
    }
    Ok(texts)
}
