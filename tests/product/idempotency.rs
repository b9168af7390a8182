//! A key has one effect, and one answer for ever.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, tally};
use crate::store::Store;

pub(crate) async fn a_replay_is_the_same_after_kill_9_and_out_of_the_cache(store: Store) {
    let mut daybook = Daybook::start(store, &["--cache-max=1"]).await;
    let first = daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
    let id = first.text_field("paymentId");
    let captures = format!("/api/v1/payments/{id}/captures");
    let capture = json!({"amount": 600, "idempotencyKey": "c1"});
    let captured = daybook.post(&captures, capture.clone()).await.expect(200);
    // The payment moves on, and leaves a cache of one.
    daybook.post(&format!("/api/v1/payments/{id}/refunds"), json!({})).await.expect(200);
    authorized(&daybook, "k2", 5).await;
    for is_killed in [false, true] {
        if is_killed {
            daybook.kill().await;
            daybook.resume().await;
        }
        let again = daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
        assert_eq!(again.text, first.text, "killed: {is_killed}");
        let again = daybook.post(&captures, capture.clone()).await.expect(200);
        assert_eq!(again.text, captured.text, "killed: {is_killed}");
        assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    }
    daybook.verify().await;
}

pub(crate) async fn a_key_with_another_request_is_refused(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let captures = format!("/api/v1/payments/{id}/captures");
    let refunds = format!("/api/v1/payments/{id}/refunds");
    daybook.post(&captures, json!({"amount": 5, "idempotencyKey": "c1"})).await.expect(200);
    for (path, body) in [
        ("/api/v1/payments", authorization("k1", 1001)),
        (captures.as_str(), json!({"amount": 6, "idempotencyKey": "c1"})),
        (captures.as_str(), json!({"amount": 5, "final": true, "idempotencyKey": "c1"})),
        (refunds.as_str(), json!({"amount": 5, "idempotencyKey": "c1"})),
        (refunds.as_str(), json!({"amount": 5, "idempotencyKey": "k1"})),
    ] {
        let answer = daybook.post(path, body.clone()).await;
        assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text);
        assert_eq!(answer.field("code"), "IDEMPOTENCY_KEY_REUSED");
    }
}

pub(crate) async fn a_replay_over_the_other_routes_has_their_shape(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let v1 = daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
    let older =
        daybook.post("/api/payments/authorize", authorization("k1", 1000)).await.expect(200);
    assert_eq!(older.headers.get("idempotency-replayed").unwrap(), "true");
    let mut body = older.json();
    let extra: Vec<_> = ["message", "ledgerEntries"]
        .map(|name| body.as_object_mut().unwrap().remove(name))
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(extra.len(), 2, "{}", older.text);
    assert_eq!(body, v1.json());
}

pub(crate) async fn parallel_duplicates_have_one_effect(store: Store) {
    let daybook = Arc::new(Daybook::start(store, &["--simulator-latency-ms=50"]).await);
    let requests = (0..300).map(|_| {
        let daybook = daybook.clone();
        tokio::spawn(
            async move { daybook.post("/api/v1/payments", authorization("same", 1000)).await },
        )
    });
    let mut answers = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        answers.push(request.await.unwrap());
    }
    assert_eq!(tally(&answers).into_iter().collect::<Vec<_>>(), [(201, 300)]);
    let bodies: std::collections::BTreeSet<_> = answers.iter().map(|a| a.text.clone()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let originals =
        answers.iter().filter(|a| !a.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(originals, 1);
    let id = answers[0].text_field("paymentId");
    assert_eq!(daybook.event_types(&id).await, ["authorization_requested", "authorized"]);
}

pub(crate) async fn keys_in_header_and_body_must_agree(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let without = json!({"merchantId": "shop-1", "amount": 10, "currency": "EUR"});
    let missing = daybook.post("/api/v1/payments", without.clone()).await.expect(400);
    assert_eq!(missing.field("code"), "IDEMPOTENCY_KEY_REQUIRED");
    let headers = [("idempotency-key", "k1")];
    let by_header = daybook.post_with("/api/v1/payments", &headers, without).await.expect(201);
    let both = daybook.post_with("/api/v1/payments", &headers, authorization("k1", 10)).await;
    assert_eq!(both.expect(201).text, by_header.text);
    let body: Value = authorization("k2", 10);
    daybook.post_with("/api/v1/payments", &headers, body).await.expect(400);
}
