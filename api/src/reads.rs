//! Strong reads: one payment, folded from the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::engine::EngineError;
use daybook_engine::ids::EventId;
use daybook_engine::ledger::Recorded;
use daybook_engine::payment::{EventType, Rejection};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Reply, reply};
use crate::api::Api;
use crate::call::Call;
use crate::error::ApiError;
use crate::problem::{PARAMETER_INVALID, PAYMENT_NOT_FOUND};

pub(crate) async fn payment(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (id, merchant_id) = (call.payment_id()?, call.only_merchant()?);
    let view = api.payments()?.payment(id).await?.ok_or_else(not_found)?;
    if merchant_id.is_some_and(|asking| asking != view.snapshot.payment.merchant_id) {
        return Err(not_found());
    }
    Ok(reply(200, &view.rendering().body()))
}

/// The payment that a merchant's key created.
pub(crate) async fn lookup(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let query = call.query()?;
    query.only(&["merchantId", "idempotencyKey"])?;
    let merchant_id = query.merchant_id()?.ok_or_else(|| missing("merchantId"))?;
    let key = query.idempotency_key()?.ok_or_else(|| missing("idempotencyKey"))?;
    let view = api.payments()?.payment_created_by(&merchant_id, &key).await?;
    let view = view.ok_or_else(|| {
        let detail = "no payment was created by this merchant under this key; the keys of \
                      captures, voids, refunds and cancellations are not looked up";
        ApiError::new(PAYMENT_NOT_FOUND, detail)
    })?;
    Ok(reply(200, &view.rendering().body()))
}

pub(crate) async fn events(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (id, merchant_id) = (call.payment_id()?, call.only_merchant()?);
    let events = api.payments()?.events(id).await?;
    let first = events.first().ok_or_else(not_found)?;
    let owner = first.decode().map_err(EngineError::Unreadable)?.header.merchant_id;
    if merchant_id.is_some_and(|asking| asking != owner) {
        return Err(not_found());
    }
    Ok(reply(200, &EventsBody { items: events.iter().map(EventBody::of).collect() }))
}

/// A payment's events in the order of their versions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Events", deny_unknown_fields)]
pub(crate) struct EventsBody<'a> {
    items: Vec<EventBody<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event", deny_unknown_fields)]
struct EventBody<'a> {
    event_id: EventId,
    /// 1, 2, 3 and so on within the payment.
    version: u32,
    #[schemars(extend("enum" = EventType::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>()))]
    r#type: &'a str,
    /// Where it stands in the ledger, `PARTITION:POSITION`.
    #[schemars(extend("pattern" = "^[0-9]+:[0-9]+$"))]
    position: String,
    recorded_at: Timestamp,
    /// The W3C trace context of the request that caused it.
    traceparent: Option<&'a Arc<str>>,
    /// As it stands in the ledger, byte for byte; null where a damaged ledger holds no JSON.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    data: Option<&'a RawValue>,
}

impl<'a> EventBody<'a> {
    fn of(event: &'a Recorded) -> Self {
        Self {
            event_id: event.event_id,
            version: event.version,
            r#type: &event.event_type,
            position: format!("{}:{}", event.partition, event.position),
            recorded_at: event.recorded_at,
            traceparent: event.traceparent.as_ref(),
            data: serde_json::from_str(&event.data).ok(),
        }
    }
}

fn missing(parameter: &'static str) -> ApiError {
    ApiError::new(PARAMETER_INVALID, format!("{parameter} is missing")).field(parameter)
}

fn not_found() -> ApiError {
    EngineError::Rejected { payment_id: None, rejection: Rejection::NotFound }.into()
}
