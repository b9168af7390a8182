//! Dry runs over HTTP: 200, marked in the body, and nothing begun.

use serde_json::json;

use crate::client::{Response, post};
use crate::fixture::{AUTHORIZE, Served, serve};
use crate::stand_in::{PAYMENT_ID, Script};

fn dry(body: &str) -> String {
    let rest = body.strip_prefix('{').unwrap();
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"dryRun\":true{comma}{rest}")
}

fn assert_dry(answer: &Response, payment_status: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["dryRun"], &body["status"]), (&json!(true), &json!(payment_status)));
    assert_eq!(answer.header("location"), None, "nothing was created: {answer:?}");
}

fn is_untouched(served: &Served, finished: u32) {
    assert_eq!(*served.engine.finished.lock().unwrap(), finished);
}

#[tokio::test]
async fn every_verb_has_a_dry_run_that_begins_nothing() {
    let served = serve(Script::Approve).await;
    let tried = served.post("/api/v1/payments", &dry(AUTHORIZE)).await;
    assert_dry(&tried, "AUTHORIZING");
    assert_eq!(tried.json()["paymentId"], PAYMENT_ID);
    assert!(served.engine.authorizations.lock().unwrap().is_empty());
    assert_eq!(served.authorize().await.status, 201);
    for (end, status) in [
        ("/captures", "CAPTURE_REQUESTED"),
        ("/voids", "VOID_REQUESTED"),
        ("/cancellations", "VOID_REQUESTED"),
    ] {
        assert_dry(&served.post_to_payment(end, &dry("{}")).await, status);
    }
    assert_eq!(served.post_to_payment("/captures", "{}").await.status, 200);
    for end in ["/refunds", "/cancellations"] {
        assert_dry(&served.post_to_payment(end, &dry("{}")).await, "REFUND_REQUESTED");
    }
    is_untouched(&served, 2);
}

#[tokio::test]
async fn only_true_asks_for_a_dry_run() {
    for value in ["false", "null"] {
        let served = serve(Script::Approve).await;
        let body = dry(AUTHORIZE).replace("true", value);
        let answer = served.post("/api/v1/payments", &body).await;
        assert_eq!((answer.status, &answer.json()["dryRun"]), (201, &json!(null)), "{value}");
    }
}

#[tokio::test]
async fn a_dry_run_that_repeats_a_request_says_so_and_refusals_are_the_real_ones() {
    let served = serve(Script::Approve).await;
    let first = served.authorize().await;
    let again = served.post("/api/v1/payments", &dry(AUTHORIZE)).await;
    assert_dry(&again, "AUTHORIZED");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let mut body = again.json();
    body.as_object_mut().unwrap().remove("dryRun");
    assert_eq!(body, first.json());
    let other = dry(&AUTHORIZE.replace("1000", "1001"));
    let reused = served.post("/api/v1/payments", &other).await;
    assert_eq!((reused.status, reused.code()), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    let beyond = dry(r#"{"amount":1001,"idempotencyKey":"c-1"}"#);
    let beyond = served.post_to_payment("/captures", &beyond).await;
    assert_eq!((beyond.status, beyond.code()), (409, "CAPTURE_EXCEEDS_AUTHORIZED".to_owned()));
    is_untouched(&served, 1);
}

#[tokio::test]
async fn the_older_routes_know_no_dry_run() {
    let served = serve(Script::Approve).await;
    let answer = served.post("/api/payments/authorize", &dry(AUTHORIZE)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("AUTHORIZED")));
    is_untouched(&served, 1);
}

/// A preference is for waiting, and a dry run waits for nothing.
#[tokio::test]
async fn a_dry_run_applies_no_preference() {
    let served = serve(Script::Approve).await;
    let request = post("/api/v1/payments", "prefer: wait=5\r\n", &dry(AUTHORIZE));
    let answer = served.send(&request).await;
    assert_dry(&answer, "AUTHORIZING");
    assert_eq!(answer.header("preference-applied"), None);
}
