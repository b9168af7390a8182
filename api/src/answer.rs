//! Answers: a payment after a money verb, and JSON in general.

use std::borrow::Cow;

use bytes::Bytes;
use daybook_engine::engine::Answer;
use daybook_engine::payment::{LedgerEntryBody, OperationStatus, PaymentBody, Verb};
use http_body_util::{Either, Full};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{HeaderMap, Response, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::Dialect;
use crate::download::Download;
use crate::headers::Waiting;

/// Most are whole; a long one is made while it is read.
pub(crate) type Reply = Response<Either<Full<Bytes>, Download>>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A JSON answer that nobody may keep.
pub(crate) fn reply(status: u16, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(json) => {
            let mut reply = bytes(status, JSON, Bytes::from(json));
            reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
            reply
        }
        Err(error) => {
            // Only a map with keys that are no strings can fail, and no body has one.
            tracing::error!(%error, "an answer can't be written as JSON");
            bytes(500, JSON, Bytes::new())
        }
    }
}

pub(crate) fn bytes(status: u16, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body)));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// The older routes' body: the same payment, with what simple clients print.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OlderPayment", deny_unknown_fields)]
pub(crate) struct OlderBody {
    #[serde(flatten)]
    payment: PaymentBody,
    /// What came of it, for people.
    message: String,
    /// The postings of everything that moved money and counts.
    ledger_entries: Vec<LedgerEntryBody>,
}

/// A payment as a request would leave it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DryRunBody {
    #[serde(flatten)]
    payment: PaymentBody,
    dry_run: bool,
}

/// A payment's own, closed, with one field more.
impl JsonSchema for DryRunBody {
    fn schema_name() -> Cow<'static, str> {
        "DryRun".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = PaymentBody::json_schema(generator);
        let about = json!({"description": "Nothing was done.", "const": true});
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("dryRun".to_owned(), about);
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.push("dryRun".into());
        }
        schema
    }
}

/// What a dry run answers: nothing was created, and nothing is pending.
pub(crate) fn of_dry_run(answer: &Answer) -> Reply {
    let payment = answer.view.rendering().body();
    let mut reply = reply(200, &DryRunBody { payment, dry_run: true });
    mark_replay(reply.headers_mut(), answer.is_replay);
    reply
}

/// What a money verb answers, on either set of routes.
pub(crate) fn of_operation(answer: &Answer, dialect: Dialect, waiting: Waiting) -> Reply {
    let rendering = answer.view.rendering();
    let body = rendering.body();
    let mut reply = match dialect {
        Dialect::V1 => reply(status(answer), &body),
        Dialect::Older => {
            let message = message(answer);
            let ledger_entries = rendering.ledger_entries();
            reply(200, &OlderBody { payment: body, message, ledger_entries })
        }
    };
    describe(reply.headers_mut(), answer, dialect, waiting);
    reply
}

/// The status on version 1.
pub(crate) fn status(answer: &Answer) -> u16 {
    match answer.operation().filter(|_| answer.is_concluded()) {
        Some(operation) if operation.verb == Verb::Authorize => 201,
        Some(_) => 200,
        None => 202,
    }
}

pub(crate) fn mark_replay(headers: &mut HeaderMap, is_replay: bool) {
    if is_replay {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

pub(crate) fn mark_applied(headers: &mut HeaderMap, waiting: Waiting) {
    if let Some(applied) = waiting.applied().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(PREFERENCE_APPLIED, applied);
    }
}

fn describe(headers: &mut HeaderMap, answer: &Answer, dialect: Dialect, waiting: Waiting) {
    mark_replay(headers, answer.is_replay);
    mark_applied(headers, waiting);
    let is_v1_authorization = dialect == Dialect::V1
        && answer.operation().is_some_and(|operation| operation.verb == Verb::Authorize);
    if is_v1_authorization {
        let path = format!("/api/v1/payments/{}", answer.view.snapshot.payment_id);
        if let Ok(path) = HeaderValue::try_from(path) {
            headers.insert(LOCATION, path);
        }
    }
}

/// One sentence for people.
fn message(answer: &Answer) -> String {
    let Some(operation) = answer.operation() else {
        return "Accepted; ask for the payment later".to_owned();
    };
    let (noun, done) = match operation.verb {
        Verb::Authorize => ("authorization", "Authorized"),
        Verb::Capture => ("capture", "Captured"),
        Verb::Void => ("void", "Voided"),
        Verb::Refund => ("refund", "Refunded"),
        Verb::Reverse => ("reversal", "Reversed"),
    };
    match operation.status {
        OperationStatus::Succeeded => done.to_owned(),
        OperationStatus::Failed if operation.verb == Verb::Authorize => {
            let code = answer.view.snapshot.payment.decline_code.as_deref();
            format!("Declined{}", said(code))
        }
        OperationStatus::Failed => {
            let code = operation.acquirer.response_message.as_deref();
            format!("The {noun} failed{}", said(code))
        }
        OperationStatus::Pending | OperationStatus::Unknown => {
            format!("The {noun} is pending: ask for the payment later")
        }
    }
}

fn said(text: Option<&str>) -> String {
    text.map(|text| format!(": {text}")).unwrap_or_default()
}
