//! Batches of authorizations over HTTP.

use std::time::Duration;

use daybook_engine::engine::EngineError;
use serde_json::{Value, json};

use crate::client::{Response, post};
use crate::fixture::{Served, eventually, serve};
use crate::stand_in::{PAYMENT_ID, Script};

const PATH: &str = "/api/v1/payments/batch";

fn item(key: &str, amount: i64) -> Value {
    json!({"merchantId": "shop-1", "amount": amount, "currency": "EUR", "idempotencyKey": key})
}

async fn send(served: &Served, items: Value) -> Response {
    served.post(PATH, &json!({ "items": items }).to_string()).await
}

/// Status of each item, with its payment's status or its problem's code and field.
fn results(answer: &Response) -> Vec<(u64, String, String)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().unwrap().clone();
    let of = |(index, item): (usize, &Value)| {
        assert_eq!(item["index"], index, "{item}");
        assert_ne!(item.get("payment").is_some(), item.get("problem").is_some(), "{item}");
        let text = |pointer: &str| {
            item.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let what = text("/payment/status") + &text("/problem/code");
        (item["status"].as_u64().unwrap(), what, text("/problem/field"))
    };
    items.iter().enumerate().map(of).collect()
}

#[tokio::test]
async fn one_bad_item_never_fails_the_others_and_each_is_named() {
    let with = |name: &str, value: Value| {
        let mut changed = item("k-9", 5);
        changed[name] = value;
        changed
    };
    let table = [
        (with("amount", json!(0)), "AMOUNT_INVALID", "amount"),
        (with("amount", json!("5")), "AMOUNT_INVALID", "amount"),
        (with("currency", json!("eur")), "CURRENCY_UNKNOWN", "currency"),
        (with("merchantId", json!(7)), "MERCHANT_ID_INVALID", "merchantId"),
        (with("merchantId", Value::Null), "MISSING_FIELD", "merchantId"),
        (with("idempotencyKey", Value::Null), "IDEMPOTENCY_KEY_REQUIRED", "idempotencyKey"),
        (with("metadata", json!({"a": 1})), "FIELD_INVALID", "metadata.a"),
        (with("captureMethod", json!("later")), "FIELD_INVALID", "captureMethod"),
        (with("amuont", json!(1)), "UNKNOWN_FIELD", "amuont"),
        (with("dryRun", json!(true)), "UNKNOWN_FIELD", "dryRun"),
        (json!("k-1"), "FIELD_INVALID", "items"),
        (json!([]), "FIELD_INVALID", "items"),
        (Value::Null, "FIELD_INVALID", "items"),
        (item("k-1", 6), "FIELD_INVALID", "idempotencyKey"),
    ];
    let served = serve(Script::Approve).await;
    let mut items = vec![item("k-1", 1000)];
    items.extend(table.iter().map(|(item, ..)| item.clone()));
    let answer = send(&served, json!(items)).await;
    let mut expected = vec![(201, "AUTHORIZED".to_owned(), String::new())];
    let refused = table.iter().map(|(_, code, field)| (400, code.to_string(), field.to_string()));
    expected.extend(refused);
    assert_eq!(results(&answer), expected);
    assert_eq!(answer.json()["items"][0]["payment"]["paymentId"], PAYMENT_ID);
    assert_eq!(served.engine.authorizations.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let many: Vec<_> = (0..101).map(|number| item(&format!("k-{number}"), 5)).collect();
    let many = json!({ "items": many }).to_string();
    let table = [
        ("{}", "MISSING_FIELD", "items"),
        (r#"{"items":null}"#, "MISSING_FIELD", "items"),
        (r#"{"items":{}}"#, "FIELD_INVALID", "items"),
        (r#"{"items":[]}"#, "FIELD_INVALID", "items"),
        (many.as_str(), "FIELD_INVALID", "items"),
        (r#"{"items":[{}],"merchantId":"shop-1"}"#, "UNKNOWN_FIELD", "merchantId"),
        (r#"{"items":[{}],"dryRun":"yes"}"#, "FIELD_INVALID", "dryRun"),
        (r#"{"items":[{"amount":1,"amount":2}]}"#, "DUPLICATE_FIELD", "amount"),
    ];
    let served = serve(Script::Approve).await;
    for (body, code, field) in table {
        let answer = served.post(PATH, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    assert_eq!(served.post(PATH, "[]").await.code(), "BODY_NOT_OBJECT");
    assert_eq!(served.post(PATH, "").await.code(), "MALFORMED_JSON");
    let key =
        post(PATH, "idempotency-key: k-1\r\n", &json!({"items": [item("k-1", 5)]}).to_string());
    let answer = served.send(&key).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "FIELD_INVALID"));
    assert_eq!(answer.json()["field"], "Idempotency-Key");
    assert!(served.engine.authorizations.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_may_be_larger_than_a_single_request_and_has_a_bound_of_its_own() {
    let served = serve(Script::Approve).await;
    for (len, status) in [(256 * 1024, 200), (256 * 1024 + 1, 413)] {
        let body = json!({"items": [item("k-1", 5)]}).to_string();
        let padded = format!("{body}{}", " ".repeat(len - body.len()));
        assert_eq!(served.post(PATH, &padded).await.status, status, "{len}");
        let single = format!("{}{}", item("k-1", 5), " ".repeat(163_840));
        assert_eq!(served.post("/api/v1/payments", &single).await.status, 413);
    }
}

#[tokio::test]
async fn items_run_at_once() {
    let served = serve(Script::Approve).await;
    served.engine.gate.forget_permits(usize::MAX);
    let items: Vec<_> = (0..100).map(|number| item(&format!("k-{number}"), 5)).collect();
    let engine = served.engine.clone();
    let answering = tokio::spawn(async move { send(&served, json!(items)).await });
    let arrived = || engine.authorizations.lock().unwrap().len() == 100;
    eventually("all items wait at the gate", arrived).await;
    engine.gate.add_permits(100);
    let results = results(&answering.await.unwrap());
    let count = |status| results.iter().filter(|(found, ..)| *found == status).count();
    // The stand-in keeps one payment, under the key that came first.
    assert_eq!((count(201), count(422)), (1, 99));
}

#[tokio::test]
async fn the_repeat_of_a_batch_answers_the_same_items_and_says_so() {
    let served = serve(Script::Approve).await;
    let items = json!([item("k-1", 1000)]);
    let first = send(&served, items.clone()).await;
    let again = send(&served, items).await;
    assert_eq!(again.body, first.body);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let alone = served.authorize().await;
    assert_eq!(alone.json(), first.json()["items"][0]["payment"], "an item is a request like any");
}

#[tokio::test]
async fn an_item_at_a_bound_is_503_and_says_when_to_repeat_it() {
    let served = serve(Script::Refuse(EngineError::Overloaded)).await;
    let answer = send(&served, json!([item("k-1", 5), item("k-2", 0)])).await;
    let items = answer.json()["items"].clone();
    assert_eq!((&items[0]["status"], &items[0]["retryAfterSeconds"]), (&json!(503), &json!(1)));
    assert_eq!(items[0]["problem"]["code"], "OVERLOADED");
    assert_eq!((&items[1]["status"], items[1].get("retryAfterSeconds")), (&json!(400), None));
}

#[tokio::test]
async fn an_item_whose_handler_panics_is_500_alone() {
    let served = serve(Script::Panic).await;
    let answer = send(&served, json!([item("k-1", 5), item("k-2", 0)])).await;
    let codes: Vec<_> =
        results(&answer).into_iter().map(|(status, code, _)| (status, code)).collect();
    assert_eq!(codes, [(500, "INTERNAL".to_owned()), (400, "AMOUNT_INVALID".to_owned())]);
}

#[tokio::test]
async fn a_batch_waits_as_preferred_and_its_dry_run_begins_nothing() {
    let served = serve(Script::LeavePending).await;
    let body = json!({"items": [item("k-1", 5)]}).to_string();
    let answer = served.send(&post(PATH, "prefer: wait=3\r\n", &body)).await;
    assert_eq!(results(&answer)[0].0, 202);
    assert_eq!(answer.header("preference-applied"), Some("wait=3"));
    assert_eq!(*served.engine.waits.lock().unwrap(), [Duration::from_secs(3)]);

    let served = serve(Script::Approve).await;
    let dry = json!({"dryRun": true, "items": [item("k-1", 5), item("k-2", 0)]}).to_string();
    let answer = served.post(PATH, &dry).await;
    assert_eq!(answer.json()["dryRun"], true);
    let statuses: Vec<_> =
        results(&answer).into_iter().map(|(status, what, _)| (status, what)).collect();
    assert_eq!(statuses, [(200, "AUTHORIZING".to_owned()), (400, "AMOUNT_INVALID".to_owned())]);
    assert_eq!(*served.engine.finished.lock().unwrap(), 0);
}
