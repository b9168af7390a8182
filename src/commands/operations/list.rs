//! The operations that need people.

use daybook_engine::clock::Timestamp;
use daybook_engine::ledger::Acknowledgement;
use daybook_projections::views::OperationBody;
use serde::Serialize;

use super::{Kinds, Listing, acknowledge};
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Book};

/// Rows read at a time.
const PAGE: u32 = 1_000;

/// An operation, and why it is in the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    /// `open` or `late`.
    needs_people: &'static str,
    #[serde(flatten)]
    operation: &'a OperationBody,
    acknowledged: Option<Acknowledged<'a>>,
}

/// Who has seen it, and when.
#[derive(Serialize)]
struct Acknowledged<'a> {
    by: &'a str,
    why: &'a str,
    at: Timestamp,
}

pub(super) async fn run(config: &Config, listing: &Listing) -> Result<(), Failure> {
    let book = wiring::open_book(config).await?;
    let views = wiring::open_views(config, book.ledger.identity().partitions).await?;
    let unavailable = |error| Failure::dependency("the views", &error);
    let now = wiring::clock().now();
    let (mut after, mut open, mut late) = (None, 0_u64, 0_u64);
    loop {
        let open_since = open_since(config, now);
        let page = views.attention.needing_people(open_since, after, PAGE).await;
        let page = page.map_err(unavailable)?;
        let Some(last) = page.last() else { break };
        after = Some(last.operation_id);
        for operation in page.iter().filter(|operation| listing.takes(operation)) {
            let seen = seen(&book, operation).await?;
            if seen.is_some() && !listing.has_acknowledged {
                continue;
            }
            let counted = if operation.status.is_open() { &mut open } else { &mut late };
            *counted = counted.saturating_add(1);
            println!("{}", line(operation, seen.as_ref(), listing.is_json)?);
        }
    }
    let cursors = views.store.cursors().await.map_err(unavailable)?;
    let seen: Vec<_> = cursors
        .iter()
        .map(|(partition, cursors)| (*partition, cursors.lowest().position))
        .collect();
    let heads = book.ledger.heads().await?;
    let behind = heads.iter().zip(seen).map(|(head, (_, at))| head.position.saturating_sub(at));
    let behind = behind.fold(0, u64::saturating_add);
    if !listing.is_json {
        println!("{open} open for too long, {late} contradicted, the views {behind} events behind");
    } else if behind > 0 {
        eprintln!("the views are {behind} events behind");
    }
    Ok(())
}

/// Whether somebody has seen all that contradicts it; an open one is resolved instead.
async fn seen(book: &Book, operation: &OperationBody) -> Result<Option<Acknowledgement>, Failure> {
    if operation.status.is_open() {
        return Ok(None);
    }
    acknowledge::of_operation(book, operation.payment_id, operation.operation_id).await
}

/// What was requested then or before, and is open, is flagged.
fn open_since(config: &Config, now: Timestamp) -> Timestamp {
    config.workers.schedule.flagged_since(now)
}

impl Listing {
    fn takes(&self, operation: &OperationBody) -> bool {
        let is_open = operation.status.is_open();
        (match self.kinds {
            Kinds::All => true,
            Kinds::Open => is_open,
            Kinds::Late => !is_open,
        }) && self.merchant_id.as_ref().is_none_or(|merchant| *merchant == operation.merchant_id)
            && self.verb.is_none_or(|verb| verb == operation.verb)
    }
}

fn line(
    operation: &OperationBody,
    seen: Option<&Acknowledgement>,
    is_json: bool,
) -> Result<String, Failure> {
    let needs_people = if operation.status.is_open() { "open" } else { "late" };
    if is_json {
        let acknowledged =
            seen.map(|seen| Acknowledged { by: &seen.by, why: &seen.why, at: seen.at });
        return serde_json::to_string(&Listed { needs_people, operation, acknowledged })
            .map_err(|error| Failure::dependency("an operation as JSON", &error));
    }
    let said = match operation.late {
        Some(late) => format!(", and the acquirer said later: {late:?}").to_lowercase(),
        None => String::new(),
    };
    let seen = seen.map(|seen| format!("; {}", acknowledge::shown(seen))).unwrap_or_default();
    Ok(format!(
        "{needs_people} payment {} operation {} {} {} {} of {} since {}: {}{said}{seen}",
        operation.payment_id,
        operation.operation_id,
        operation.verb.as_str(),
        operation.currency.as_str(),
        operation.amount,
        operation.merchant_id,
        operation.requested_at,
        operation.status.as_str(),
    ))
}
