//! Dry runs: the answer of a request that is not made.

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::store::Store;

fn dry(mut body: Value) -> Value {
    body["dryRun"] = json!(true);
    body
}

pub(crate) async fn a_dry_run_of_every_verb_leaves_no_trace(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let tried = daybook.post("/api/v1/payments", dry(authorization("k1", 1000))).await.expect(200);
    assert_eq!((tried.field("dryRun"), tried.field("status")), (json!(true), json!("AUTHORIZING")));
    let would_be = tried.text_field("paymentId");
    daybook.payment(&would_be).await.expect(404);
    let found = daybook.verify().await;
    assert!(found.contains("\n0 events "), "{found}");

    // The key is still free, for another request even.
    let id = authorized(&daybook, "k1", 700).await;
    assert_eq!(id, would_be);
    let path = |end: &str| format!("/api/v1/payments/{id}/{end}");
    for (end, status) in [
        ("captures", "CAPTURE_REQUESTED"),
        ("voids", "VOID_REQUESTED"),
        ("cancellations", "VOID_REQUESTED"),
    ] {
        let tried = daybook.post(&path(end), dry(json!({"idempotencyKey": "x"}))).await.expect(200);
        assert_eq!(tried.field("status"), status, "{end}");
    }
    let refused = daybook.post(&path("refunds"), dry(json!({}))).await.expect(409);
    assert_eq!(refused.field("code"), "NOTHING_TO_REFUND");
    daybook.post(&path("captures"), json!({"idempotencyKey": "x"})).await.expect(200);
    let again = daybook.post(&path("captures"), dry(json!({"idempotencyKey": "x"}))).await;
    assert_eq!(again.expect(200).header("idempotency-replayed"), "true");
    let other = daybook.post(&path("refunds"), dry(json!({"idempotencyKey": "x"}))).await;
    assert_eq!(other.expect(422).field("code"), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(
        daybook.event_types(&id).await,
        ["authorization_requested", "authorized", "capture_requested", "captured"]
    );
    assert_eq!(daybook.metric("daybook_acquirer_calls_total").await, 2);
    daybook.verify().await;
}
