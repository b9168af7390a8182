//! `daybook erase PAYMENT`: what clients wrote about a payment, taken out of the ledger and the views.

use daybook_engine::event_text::TextName;
use daybook_engine::ids::PaymentId;
use daybook_projections::ViewError;

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Erasing};

/// Erases these texts, and says how many there were.
///
/// # Errors
/// Where there is no such payment, or a store can't be written: repeated, it finishes what it has begun.
pub(crate) async fn run(
    config: &Config,
    payment: PaymentId,
    names: &[TextName],
) -> Result<(), Failure> {
    let Erasing { ledger, erasure, views, opened } = wiring::open_for_erasing(config).await?;
    if ledger.load(payment).await?.is_empty() {
        return Err(Failure::Usage(format!("there is no payment {payment} in this ledger")));
    }
    // The ledger first: what a projector reads from then on is null, and what it read before can't come into
    // the views once they were told.
    let texts = erasure.erase(payment, names).await?;
    let partition = payment.partition(ledger.identity().partitions);
    let rows = views.erase_texts(partition, payment, names).await.map_err(|error| match error {
        ViewError::Store(error) => error.into(),
        error => Failure::dependency("the views", &error),
    })?;
    opened.close().await;
    let named: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    let named = named.join(", ");
    println!("payment {payment}: {named}: {texts} texts erased, and {rows} rows of the views");
    Ok(())
}
