//! A contradiction of the acquirer's that people have seen.

use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::ledger::{Acknowledgement, Ledger};
use daybook_engine::payment::EventBody;

use super::Acknowledging;
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Book};

pub(super) async fn run(config: &Config, acknowledging: &Acknowledging) -> Result<(), Failure> {
    let Acknowledging { payment_id, operation_id, by, why } = acknowledging;
    let book = wiring::open_book(config).await?;
    let version = last_contradiction(&*book.ledger, *payment_id, *operation_id).await?;
    let version = version.ok_or_else(|| {
        Failure::Usage(format!(
            "payment {payment_id} has no operation {operation_id} that the acquirer contradicted: \
             `daybook operations list --late` prints those"
        ))
    })?;
    let given = Acknowledgement {
        payment_id: *payment_id,
        version,
        by: by.as_str().into(),
        why: why.as_str().into(),
        at: wiring::clock().now(),
    };
    if book.acknowledgements.acknowledge(&given).await? {
        println!("operation {operation_id}: what the acquirer said later is acknowledged");
        return Ok(());
    }
    let known = of_version(&book, *payment_id, version).await?;
    let known = known.map_or_else(String::new, |known| shown(&known));
    Err(Failure::Usage(format!("operation {operation_id}: {known}, and stays so")))
}

/// The version of the last event that says the acquirer contradicted the operation's outcome.
async fn last_contradiction(
    ledger: &dyn Ledger,
    payment_id: PaymentId,
    operation_id: OperationId,
) -> Result<Option<u32>, Failure> {
    let mut last = None;
    for recorded in ledger.load(payment_id).await? {
        let event = recorded
            .decode()
            .map_err(|error| Failure::Dependency(format!("payment {payment_id}: {error}")))?;
        let is_late = matches!(event.body, EventBody::LateOutcome(_));
        if is_late && event.header.operation_id == Some(operation_id) {
            last = Some(recorded.version);
        }
    }
    Ok(last)
}

async fn of_version(
    book: &Book,
    payment_id: PaymentId,
    version: u32,
) -> Result<Option<Acknowledgement>, Failure> {
    let known = book.acknowledgements.acknowledged(payment_id).await?;
    Ok(known.into_iter().find(|known| known.version == version))
}

/// Whether somebody has seen the last of what the acquirer said, and who.
pub(super) async fn of_operation(
    book: &Book,
    payment_id: PaymentId,
    operation_id: OperationId,
) -> Result<Option<Acknowledgement>, Failure> {
    let mut known = book.acknowledgements.acknowledged(payment_id).await?;
    // Nearly always there is none, and the events need not be read.
    if known.is_empty() {
        return Ok(None);
    }
    let last = last_contradiction(&*book.ledger, payment_id, operation_id).await?;
    known.retain(|known| Some(known.version) == last);
    Ok(known.pop())
}

pub(super) fn shown(given: &Acknowledgement) -> String {
    let Acknowledgement { by, why, at, .. } = given;
    format!("acknowledged by {by} at {at}: {why}")
}
