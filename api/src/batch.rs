//! Many authorizations in one request, each with its own key and its own result.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use daybook_engine::engine::{Answer, AuthorizeRequest, DryRun};
use daybook_engine::payment::PaymentBody;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use crate::answer::{Reply, mark_applied, mark_replay, reply, status};
use crate::api::Api;
use crate::call::{Call, Dialect};
use crate::decode::{Mode, authorization, fields, mode};
use crate::error::{ApiError, ProblemBody};
use crate::fields::{Fields, invalid, required};
use crate::headers::IDEMPOTENCY_KEY;
use crate::intake::{AUTHORIZATION, names};
use crate::json::Json;
use crate::limits::Limits;
use crate::payments::Payments;
use crate::problem::{FIELD_INVALID, INTERNAL};

/// Of a batch: 2.5 KiB an item, where there are as many as may be.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
pub(crate) const MAX_ITEMS: usize = 100;

type Item<T> = Result<T, ApiError>;

/// Every item runs at once with the others, so that they share commits, and comes to its own
/// answer or problem; `Prefer: wait` is how long the whole batch waits.
pub(crate) async fn authorize(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (requests, mode) = decode(call)?;
    let waiting = call.waiting(Dialect::V1, &api.limits);
    let payments = api.shared_payments()?;
    let results = run(payments, requests, mode, waiting.at_most).await;
    let mut reply = reply(200, &BatchBody::of(&results, mode, &api.limits));
    let is_replay = |item: &Item<Answer>| item.as_ref().is_ok_and(|answer| answer.is_replay);
    mark_replay(reply.headers_mut(), results.iter().all(is_replay));
    mark_applied(reply.headers_mut(), waiting);
    Ok(reply)
}

async fn run(
    payments: &Arc<dyn Payments>,
    requests: Vec<Item<AuthorizeRequest>>,
    mode: Mode,
    wait: Duration,
) -> Vec<Item<Answer>> {
    let mut running = JoinSet::new();
    let mut results: Vec<Item<Answer>> = Vec::with_capacity(requests.len());
    for (index, request) in requests.into_iter().enumerate() {
        // What a task that panics leaves behind.
        results.push(Err(match request {
            Ok(request) => {
                let payments = Arc::clone(payments);
                let asking = async move { (index, ask(&*payments, request, mode, wait).await) };
                running.spawn(asking.instrument(Span::current()));
                interrupted()
            }
            Err(refused) => refused,
        }));
    }
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((index, result)) => {
                if let Some(place) = results.get_mut(index) {
                    *place = result;
                }
            }
            Err(panic) => tracing::error!(%panic, "an item of a batch panicked"),
        }
    }
    results
}

async fn ask(
    payments: &dyn Payments,
    request: AuthorizeRequest,
    mode: Mode,
    wait: Duration,
) -> Item<Answer> {
    Ok(match mode {
        Mode::Real => payments.authorize(request, wait).await?,
        Mode::DryRun => payments.dry_run(DryRun::Authorize(request)).await?,
    })
}

/// # Errors
/// Where the batch as such can't be read; an item that can't is a problem of its own.
pub(crate) fn decode(call: &Call) -> Result<(Vec<Item<AuthorizeRequest>>, Mode), ApiError> {
    if call.parts.headers.contains_key(IDEMPOTENCY_KEY) {
        let name = "Idempotency-Key";
        let what = "is no batch's: send each item's own key in its idempotencyKey";
        return Err(invalid(FIELD_INVALID, name, &what));
    }
    let mut fields = fields(call)?;
    let mode = mode(&mut fields, Dialect::V1)?;
    let items = required(fields.array("items")?, "items")?;
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        let what = format!("must have 1 to {MAX_ITEMS} items, but has {}", items.len());
        return Err(invalid(FIELD_INVALID, "items", &what));
    }
    let mut created = HashSet::new();
    let decoded = items.into_iter().map(|item| {
        let request = decode_item(call, item)?;
        // Of two that run at once either might be the one to be repeated.
        if !created.insert((request.merchant_id.clone(), request.key.clone())) {
            let what = "is that of an earlier item of the batch: choose a new key";
            return Err(invalid(FIELD_INVALID, "idempotencyKey", &what));
        }
        Ok(request)
    });
    Ok((decoded.collect(), mode))
}

fn decode_item(call: &Call, item: Json<'_>) -> Item<AuthorizeRequest> {
    let Json::Object(members) = item else {
        let what = format!("must be an object, but is {}", item.kind());
        return Err(invalid(FIELD_INVALID, "an item", &what).field("items"));
    };
    let mut fields = Fields::within(members);
    fields.only(&names(AUTHORIZATION))?;
    let key = |fields: &mut Fields<'_>| fields.key();
    authorization(&mut fields, Dialect::V1, key, call.traceparent())
}

fn interrupted() -> ApiError {
    let detail = "something went wrong in the server; with its key the item may be repeated";
    ApiError::new(INTERNAL, detail)
}

/// What became of a batch.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Batch", deny_unknown_fields)]
pub(crate) struct BatchBody<'a> {
    /// In the request's order.
    items: Vec<ItemBody<'a>>,
    /// There, and true, where nothing was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// An item's payment, or its problem.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "BatchItem")]
enum ItemBody<'a> {
    Answered(Box<AnsweredItem>),
    Refused(RefusedItem<'a>),
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AnsweredBatchItem", deny_unknown_fields)]
struct AnsweredItem {
    /// Its place in the request, from 0 on.
    index: usize,
    /// What it would have been answered with alone.
    status: u16,
    payment: PaymentBody,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RefusedBatchItem", deny_unknown_fields)]
struct RefusedItem<'a> {
    /// Its place in the request, from 0 on.
    index: usize,
    /// What it would have been answered with alone.
    status: u16,
    problem: ProblemBody<'a>,
    /// There where the same item may succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    retry_after_seconds: Option<u32>,
}

impl<'a> BatchBody<'a> {
    fn of(results: &'a [Item<Answer>], mode: Mode, limits: &Limits) -> Self {
        let item = |(index, result): (usize, &'a Item<Answer>)| match result {
            Ok(answer) => ItemBody::Answered(Box::new(AnsweredItem {
                index,
                status: if mode == Mode::DryRun { 200 } else { status(answer) },
                payment: answer.view.rendering().body(),
            })),
            Err(error) => {
                error.log();
                ItemBody::Refused(RefusedItem {
                    index,
                    status: error.status(),
                    problem: error.body(),
                    retry_after_seconds: error.retry_after_seconds(limits),
                })
            }
        };
        let items = results.iter().enumerate().map(item).collect();
        Self { items, dry_run: mode == Mode::DryRun }
    }
}
