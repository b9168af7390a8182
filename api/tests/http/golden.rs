//! What clients get: status, headers and body of each kind of answer, one file each under `golden`,
//! byte for byte but for texts that are for people. A file never changes
//! (`engine/tests/public_contract/manifest.rs`).

use std::fmt::Write;

use daybook_engine::engine::EngineError;

use crate::client::{Response, get, post};
use crate::file::{assert_golden, write_missing};
use crate::fixture::{AUTHORIZE, Served, serve};
use crate::stand_in::{PAYMENT_ID, Script};

/// Headers whose values differ from run to run, or follow from the body.
const NOT_PROMISED: [&str; 3] = ["content-length", "date", "x-request-id"];
/// Fields whose wording may change.
const FOR_PEOPLE: [&str; 3] = ["title", "detail", "message"];

fn text(response: &Response) -> String {
    let mut text = format!("{}\n", response.status);
    let mut headers: Vec<_> = response.headers().collect();
    headers.sort_unstable();
    for (name, value) in headers.into_iter().filter(|(name, _)| !NOT_PROMISED.contains(name)) {
        writeln!(text, "{name}: {value}").unwrap();
    }
    text + "\n" + &FOR_PEOPLE.iter().fold(response.body.clone(), masked) + "\n"
}

/// The body with every text of this field as `…`.
fn masked(body: String, field: &&str) -> String {
    let start = format!("\"{field}\":\"");
    let mut parts = body.split(&start);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |masked, part| {
        let is_escaped = |at: usize| part[..at].ends_with('\\');
        let mut quotes = part.match_indices('"').map(|(at, _)| at);
        let end = quotes.find(|at| !is_escaped(*at)).unwrap_or(part.len());
        masked + &start + "…" + &part[end..]
    })
}

/// A payment's life, each answer under its name.
struct Life {
    served: Served,
    answers: Vec<(&'static str, String)>,
}

impl Life {
    async fn begin() -> Self {
        Self { served: serve(Script::Approve).await, answers: Vec::new() }
    }

    async fn get(&mut self, name: &'static str, path: &str) {
        let answer = self.served.send(&get(path)).await;
        self.answers.push((name, text(&answer)));
    }

    async fn post(&mut self, name: &'static str, path: &str, body: &str) {
        self.post_with(name, path, "", body).await;
    }

    async fn post_with(&mut self, name: &'static str, path: &str, headers: &str, body: &str) {
        let answer = self.served.send(&post(path, headers, body)).await;
        self.answers.push((name, text(&answer)));
    }

    async fn post_to_payment(&mut self, name: &'static str, end: &str, body: &str) {
        self.post(name, &format!("/api/v1/payments/{PAYMENT_ID}/{end}"), body).await;
    }
}

const PAYMENTS: &str = "/api/v1/payments";

async fn of_version_1() -> Vec<(&'static str, String)> {
    let mut life = Life::begin().await;
    let texts = AUTHORIZE.replace('}', r#","reference":"order 7","metadata":{"a":"\u00fc"}}"#);
    life.post("dry_run", PAYMENTS, &texts.replacen('{', r#"{"dryRun":true,"#, 1)).await;
    life.post("authorization", PAYMENTS, &texts).await;
    life.post("repeat", PAYMENTS, &texts).await;
    life.post("key_reused", PAYMENTS, &texts.replace("1000", "7")).await;
    life.post("field_invalid", PAYMENTS, &texts.replace("1000", "1.5")).await;
    life.post_to_payment("capture", "captures", r#"{"amount":600,"idempotencyKey":"c-1"}"#).await;
    life.post_to_payment("refund", "refunds", r#"{"amount":100,"idempotencyKey":"r-1"}"#).await;
    life.post_to_payment("conflict", "captures", r#"{"amount":401,"idempotencyKey":"c-2"}"#).await;
    life.post_to_payment("cancellation", "cancellations", r#"{"reason":"sold out"}"#).await;
    life.get("payment", &format!("{PAYMENTS}/{PAYMENT_ID}")).await;
    life.get("events", &format!("{PAYMENTS}/{PAYMENT_ID}/events")).await;
    life.get("lookup", &format!("{PAYMENTS}/lookup?merchantId=shop-1&idempotencyKey=k-1")).await;
    life.get("not_found", &format!("{PAYMENTS}/{}", PAYMENT_ID.replace('7', "0"))).await;
    life.served.engine.play(Script::Refuse(EngineError::Overloaded));
    life.post_to_payment("overloaded", "voids", "{}").await;
    life.answers
}

async fn of_others() -> Vec<(&'static str, String)> {
    let mut batch = Life::begin().await;
    let items = format!(r#"{{"items":[{AUTHORIZE},{{"merchantId":"shop-1"}}]}}"#);
    batch.post("batch", "/api/v1/payments/batch", &items).await;
    batch.post_to_payment("void", "voids", "").await;
    let mut pending = Life::begin().await;
    pending.served.engine.play(Script::LeavePending);
    pending.post_with("pending", PAYMENTS, "prefer: wait=1\r\n", AUTHORIZE).await;
    let mut declined = Life::begin().await;
    declined.served.engine.play(Script::Decline);
    declined.post("declined", PAYMENTS, AUTHORIZE).await;
    let mut older = Life::begin().await;
    let merchant = r#"{"merchantId":"shop-1"}"#;
    older.post("older_authorization", "/api/payments/authorize", AUTHORIZE).await;
    older.post("older_capture", &format!("/api/payments/capture/{PAYMENT_ID}"), merchant).await;
    older.post("older_refund", &format!("/api/payments/refund/{PAYMENT_ID}"), merchant).await;
    [batch, pending, declined, older].into_iter().flat_map(|life| life.answers).collect()
}

async fn answers() -> impl Iterator<Item = (String, String)> {
    let answers = of_version_1().await.into_iter().chain(of_others().await);
    answers.map(|(name, text)| (format!("answers/{name}.txt"), text))
}

#[tokio::test]
async fn every_answer_is_as_its_golden_file_says() {
    for (name, text) in answers().await {
        assert_golden(&name, &text);
    }
}

#[tokio::test]
#[ignore = "writes the golden files that are missing"]
async fn write_missing_golden_files() {
    for (name, text) in answers().await {
        write_missing(&name, &text);
    }
}
