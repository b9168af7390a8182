//! Taking parked payments up again, once what was wrong with them is mended.

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::{Ledger, StoreError};

use crate::error::ViewError;
use crate::feed::texts_of;
use crate::views::{DecodedEvent, Unparked, Unparking, ViewCursors, ViewStore};

/// What became of an attempt to take a payment up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// Every view has its events, and it goes on like any other.
    Unparked,
    /// It is not parked.
    NotParked,
    /// An event of it still can't be processed, and why.
    StillParked(String),
}

/// A projector moves the cursors several times a second, and an attempt takes milliseconds.
const ATTEMPTS_MAX: usize = 200;

/// Reads the payment's events from the ledger again and folds what the views have left out of it into
/// them, each event once: beside running projectors, or without one.
///
/// # Errors
/// When the ledger or the views can't be used.
pub async fn retry_parked(
    ledger: &dyn Ledger,
    views: &dyn ViewStore,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Retried, ViewError> {
    for _ in 0..ATTEMPTS_MAX {
        // The cursors first: then the ledger has at least what the views have passed.
        let cursors = cursors_of(views, partition).await?;
        let events = match readable(ledger, partition, payment_id, &cursors).await? {
            Ok(events) => events,
            Err(cause) => return Ok(Retried::StillParked(cause)),
        };
        let texts = texts_of(ledger, events.iter()).await?;
        let unparking =
            Unparking { partition, payment_id, cursors, events: &events, texts: &texts };
        match views.unpark(unparking).await {
            Ok(Unparked::Done) => return Ok(Retried::Unparked),
            Ok(Unparked::NotParked) => return Ok(Retried::NotParked),
            Ok(Unparked::Superseded) => {}
            Err(error @ ViewError::Unfit(_)) => return Ok(Retried::StillParked(error.to_string())),
            Err(error) if error.is_of_an_event() => {
                return Ok(Retried::StillParked(error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let cause = format!("partition {partition} moved on each time; try again in a quieter moment");
    Err(ViewError::Store(StoreError::Unavailable { store: "views", cause }))
}

async fn cursors_of(views: &dyn ViewStore, partition: Partition) -> Result<ViewCursors, ViewError> {
    let all = views.cursors().await?;
    let own = all.into_iter().find(|(known, _)| *known == partition);
    Ok(own.map(|(_, cursors)| cursors).unwrap_or_default())
}

/// The payment's events that a view has passed; or why one of them can't be read.
async fn readable(
    ledger: &dyn Ledger,
    partition: Partition,
    payment_id: PaymentId,
    cursors: &ViewCursors,
) -> Result<Result<Vec<DecodedEvent>, String>, ViewError> {
    let end = cursors.highest().position;
    let recorded = ledger.load(payment_id).await?;
    let passed = recorded
        .into_iter()
        .filter(|recorded| recorded.partition == partition && recorded.position <= end);
    let decoded = passed.map(|recorded| match recorded.decode() {
        Ok(event) => Ok((recorded, event)),
        Err(error) => Err(format!("{partition}:{}: {error}", recorded.position)),
    });
    Ok(decoded.collect())
}
