//! The ways a payment goes, over HTTP.

use serde_json::{Value, json};

use crate::harness::Daybook;
use crate::store::Store;

pub(crate) fn authorization(key: &str, amount: i64) -> Value {
    json!({"merchantId": "shop-1", "amount": amount, "currency": "EUR", "idempotencyKey": key})
}

/// Authorizes and answers the payment's id.
pub(crate) async fn authorized(daybook: &Daybook, key: &str, amount: i64) -> String {
    let answer = daybook.post("/api/v1/payments", authorization(key, amount)).await.expect(201);
    assert_eq!(answer.field("status"), "AUTHORIZED", "{}", answer.text);
    answer.text_field("paymentId")
}

pub(crate) async fn a_payment_is_authorized_captured_and_refunded(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=290"]).await;
    let answer = daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
    assert_eq!(answer.field("status"), "AUTHORIZED");
    assert_eq!(answer.field("amountAuthorized"), 1000);
    assert_eq!(answer.field("authorization/status"), "SUCCEEDED");
    let id = answer.text_field("paymentId");
    let captured =
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    assert_eq!(captured.field("status"), "CAPTURED");
    assert_eq!(captured.field("amountCaptured"), 1000);
    let body = json!({"amount": 400, "idempotencyKey": "r1", "reason": "torn"});
    let refunded = daybook.post(&format!("/api/v1/payments/{id}/refunds"), body).await.expect(200);
    assert_eq!(refunded.field("status"), "PARTIALLY_REFUNDED");
    assert_eq!(refunded.field("refunds/0/reason"), "torn");
    let rest = daybook.post(&format!("/api/v1/payments/{id}/refunds"), json!({})).await.expect(200);
    assert_eq!(rest.field("status"), "REFUNDED");
    assert_eq!(rest.field("refunds/1/amount"), 600);
    assert_eq!(
        daybook.event_types(&id).await,
        [
            "authorization_requested",
            "authorized",
            "capture_requested",
            "captured",
            "refund_requested",
            "refunded",
            "refund_requested",
            "refunded"
        ]
    );
    let shown = daybook.command("show", &[&id]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in ["REFUNDED", "EUR 10.00", "acquirer_receivable", "EUR 0.29", "key r1"] {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    daybook.verify().await;
}

pub(crate) async fn a_sale_answers_at_once_and_captures_by_itself(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let mut body = authorization("k1", 500);
    body["captureMethod"] = json!("automatic");
    let answer = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    assert_eq!(answer.field("status"), "CAPTURE_REQUESTED");
    assert_eq!(answer.field("amountCapturePending"), 500);
    let id = answer.text_field("paymentId");
    daybook.reaches(&id, &["CAPTURED"]).await;
    let replay = daybook.post("/api/v1/payments", body).await.expect(201);
    assert_eq!(replay.text, answer.text);
    assert_eq!(replay.headers.get("idempotency-replayed").unwrap(), "true");
}

pub(crate) async fn a_decline_is_an_outcome(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let body = authorization("k1", 999_000_001);
    let answer = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    assert_eq!(answer.field("status"), "DECLINED");
    assert_eq!(answer.field("declineCode"), "INSUFFICIENT_FUNDS");
    let id = answer.text_field("paymentId");
    let capture = daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await;
    assert_eq!(capture.expect(409).field("code"), "PAYMENT_DECLINED");
    assert_eq!(daybook.post("/api/v1/payments", body).await.expect(201).text, answer.text);
}

pub(crate) async fn partial_captures_add_up_and_the_rest_is_voided(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let captures = format!("/api/v1/payments/{id}/captures");
    for (key, amount) in [("c1", 300), ("c2", 200)] {
        let body = json!({"amount": amount, "idempotencyKey": key});
        daybook.post(&captures, body).await.expect(200);
    }
    let body = json!({"amount": 501, "idempotencyKey": "c3"});
    let beyond = daybook.post(&captures, body).await.expect(409);
    assert_eq!(beyond.field("code"), "CAPTURE_EXCEEDS_AUTHORIZED");
    assert_eq!(beyond.field("paymentId"), id.as_str());
    let unkeyed = daybook.post(&captures, json!({"amount": 1})).await.expect(400);
    assert_eq!(unkeyed.field("code"), "IDEMPOTENCY_KEY_REQUIRED");
    let voided = daybook.post(&format!("/api/v1/payments/{id}/voids"), json!({})).await.expect(200);
    assert_eq!(voided.field("amountVoided"), 500);
    assert_eq!(voided.field("amountCaptured"), 500);
    assert_eq!(voided.field("status"), "CAPTURED");
    let late = daybook.post(&captures, json!({})).await.expect(409);
    assert_eq!(late.field("code"), "PAYMENT_VOIDED");
    daybook.verify().await;
}

pub(crate) async fn a_final_capture_releases_the_rest(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let body = json!({"amount": 400, "final": true, "idempotencyKey": "c1"});
    let path = format!("/api/v1/payments/{id}/captures");
    let captured = daybook.post(&path, body).await.expect(200);
    assert_eq!(captured.field("amountVoided"), 600);
    assert_eq!(captured.field("amountCapturable"), 0);
    assert_eq!(captured.field("status"), "CAPTURED");
}

pub(crate) async fn a_client_that_does_not_wait_gets_202(store: Store) {
    let daybook = Daybook::start(store, &["--simulator-latency-ms=300"]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let path = format!("/api/v1/payments/{id}/captures");
    let pending = daybook.post_with(&path, &[("prefer", "wait=0")], json!({})).await.expect(202);
    assert_eq!(pending.field("status"), "CAPTURE_REQUESTED");
    assert_eq!(pending.field("captures/0/status"), "PENDING");
    daybook.reaches(&id, &["CAPTURED"]).await;
}

pub(crate) async fn another_merchants_payment_is_not_found(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let path = format!("/api/v1/payments/{id}/captures");
    let other = daybook.post(&path, json!({"merchantId": "shop-2"})).await.expect(404);
    assert_eq!(other.field("code"), "PAYMENT_NOT_FOUND");
    daybook.post(&path, json!({"merchantId": "shop-1"})).await.expect(200);
}

pub(crate) async fn a_payment_is_found_by_the_key_that_created_it(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "order 7/2", 1000).await;
    let body = json!({"amount": 400, "idempotencyKey": "c1"});
    daybook.post(&format!("/api/v1/payments/{id}/captures"), body).await.expect(200);
    let lookup = |query: &str| {
        let path = format!("/api/v1/payments/lookup?{query}");
        let daybook = &daybook;
        async move { daybook.get(&path).await }
    };
    let found = lookup("merchantId=shop-1&idempotencyKey=order%207%2F2").await.expect(200);
    assert_eq!(found.text, daybook.payment(&id).await.text);
    for query in
        ["merchantId=shop-2&idempotencyKey=order+7/2", "merchantId=shop-1&idempotencyKey=c1"]
    {
        let missing = lookup(query).await.expect(404);
        assert_eq!(missing.field("code"), "PAYMENT_NOT_FOUND", "{query}");
    }
}

pub(crate) async fn a_payment_with_texts_shows_them(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let mut body = authorization("k1", 1000);
    body["reference"] = json!("Bestellung 7 – \"grün\"");
    body["metadata"] = json!({"cart": "c-9", "b": "\\"});
    let answer = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    assert_eq!(answer.field("reference"), "Bestellung 7 – \"grün\"");
    assert_eq!(answer.field("metadata"), json!({"cart": "c-9", "b": "\\"}));
    let path = format!("/api/v1/payments/{}/events", answer.text_field("paymentId"));
    assert!(!daybook.get(&path).await.text.contains("Bestellung"), "free text stands in an event");
    let replay = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    assert_eq!(replay.text, answer.text);
    body["metadata"] = json!({"cart": "c-10"});
    let other = daybook.post("/api/v1/payments", body).await.expect(422);
    assert_eq!(other.field("code"), "IDEMPOTENCY_KEY_REUSED");
    daybook.verify().await;
}

pub(crate) async fn an_authorization_expires(store: Store) {
    let daybook = Daybook::start(store, &["--authorization-lifetime-s=1"]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let expired = daybook.reaches(&id, &["EXPIRED"]).await;
    assert_eq!(expired.field("amountVoided"), 1000);
    let path = format!("/api/v1/payments/{id}/captures");
    let late = daybook.post(&path, json!({})).await.expect(409);
    assert_eq!(late.field("code"), "PAYMENT_EXPIRED");
    daybook.verify().await;
}
