//! What the server shows of a payment.

use hyper::Uri;
use rand::rngs::StdRng;
use serde_json::Value;

use super::patience::{self, Call, Ending};
use crate::client::{Answer, Connection};
use crate::tally::SharedTally;

/// Pages of events that are followed; a payment of 200 operations needs far fewer.
const PAGES_MAX: usize = 100;

/// `GET` of the payment.
pub(super) async fn payment(
    connection: &mut Connection,
    id: &str,
    rng: &mut StdRng,
) -> Result<Value, String> {
    get(connection, &format!("/api/v1/payments/{id}"), rng).await
}

/// All events of the payment, in order.
pub(super) async fn events(
    connection: &mut Connection,
    id: &str,
    rng: &mut StdRng,
) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let mut path = format!("/api/v1/payments/{id}/events");
    for _ in 0..PAGES_MAX {
        let mut page = get(connection, &path, rng).await?;
        let Value::Array(items) = page["items"].take() else {
            return Err(format!("GET {path}: no `items`"));
        };
        events.extend(items);
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/payments/{id}/events?cursor={cursor}"),
            None => return Ok(events),
        }
    }
    Err(format!("more than {PAGES_MAX} pages of events"))
}

async fn get(connection: &mut Connection, path: &str, rng: &mut StdRng) -> Result<Value, String> {
    let uri: Uri = path.parse().map_err(|_| format!("GET {path}: no valid path"))?;
    let call = Call::Get { path: uri };
    match patience::ending(connection, &call, "check", rng, &SharedTally::new()).await {
        Ending::Answered(Answer { status: 200, body, .. }) => {
            serde_json::from_slice(&body).map_err(|error| format!("GET {path}: {error}"))
        }
        ending => Err(format!("GET {path}: {ending}")),
    }
}
