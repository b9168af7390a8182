//! How long an answer waits for its outcome.

use serde_json::json;

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, IMPATIENT};
use crate::store::Store;

const AT_ONCE: &[(&str, &str)] = &[("prefer", "wait=0")];
const PATIENTLY: &[(&str, &str)] = &[("prefer", "wait=30")];
/// An authorization of it has no outcome for five seconds.
const PENDING: i64 = 999_000_023;

pub(crate) async fn a_replay_of_an_unknown_authorization_waits_like_the_first(store: Store) {
    let mut daybook = Daybook::start(store, IMPATIENT).await;
    let body = authorization("k1", PENDING);
    let first = daybook.post_with("/api/v1/payments", AT_ONCE, body.clone()).await.expect(202);
    assert_eq!(first.field("status"), "AUTHORIZING");
    let replay = || daybook.post_with("/api/v1/payments", PATIENTLY, body.clone());
    let (one, other) = tokio::join!(replay(), replay());
    for replay in [&one, &other] {
        assert_eq!(replay.status, 201, "the replay did not wait: {}", replay.text);
        assert_eq!(replay.field("status"), "AUTHORIZED");
        assert_eq!(replay.header("idempotency-replayed"), "true");
    }
    assert_eq!(one.text, other.text);
    daybook.kill().await;
    daybook.resume().await;
    let later = daybook.post_with("/api/v1/payments", AT_ONCE, body).await.expect(201);
    assert_eq!(later.text, one.text);
    daybook.verify().await;
}

pub(crate) async fn prefer_wait_is_honoured(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let body = authorization("k1", PENDING);
    let at_once = daybook.post_with("/api/v1/payments", AT_ONCE, body.clone()).await.expect(202);
    assert_eq!(at_once.header("preference-applied"), "wait=0");
    let started = tokio::time::Instant::now();
    let headers = [("prefer", "respond-async, wait=1")];
    let waited = daybook.post_with("/api/v1/payments", &headers, body.clone()).await.expect(202);
    assert_eq!(waited.header("preference-applied"), "wait=1");
    assert!(started.elapsed().as_millis() >= 1000, "it waited {:?}", started.elapsed());
    // Longer than a client may ask for, and long enough for the outcome.
    let headers = [("prefer", "wait=1000")];
    let concluded = daybook.post_with("/api/v1/payments", &headers, body.clone()).await.expect(201);
    assert_eq!(concluded.header("preference-applied"), "wait=30");
    let unasked = daybook.post("/api/v1/payments", body).await.expect(201);
    assert!(!unasked.headers.contains_key("preference-applied"), "{:?}", unasked.headers);
}

pub(crate) async fn a_refund_waits_for_a_pending_capture(store: Store) {
    let daybook = Daybook::start(store, &["--simulator-latency-ms=2000", "--wait-ms=20000"]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let captures = format!("/api/v1/payments/{id}/captures");
    let refunds = format!("/api/v1/payments/{id}/refunds");
    daybook.post_with(&captures, AT_ONCE, json!({})).await.expect(202);
    let refused = daybook.post_with(&refunds, AT_ONCE, json!({})).await.expect(409);
    assert_eq!(refused.field("code"), "CAPTURE_PENDING");
    assert_eq!(refused.header("retry-after"), "1");
    let refunded = daybook.post(&refunds, json!({})).await.expect(200);
    assert_eq!(refunded.field("status"), "REFUNDED");
    assert_eq!(
        daybook.event_types(&id).await,
        [
            "authorization_requested",
            "authorized",
            "capture_requested",
            "captured",
            "refund_requested",
            "refunded"
        ]
    );
    daybook.verify().await;
}
