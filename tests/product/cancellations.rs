//! Giving back all that a payment holds, with one request.

use serde_json::json;

use crate::flows::authorized;
use crate::harness::Daybook;
use crate::store::Store;

pub(crate) async fn a_cancellation_voids_refunds_or_does_both_and_is_repeated_alike(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    let request = json!({"idempotencyKey": "x", "reason": "sold out", "merchantId": "shop-1"});
    let mut answered = Vec::new();
    for (captured, status, events) in [
        (0, "VOIDED", &["void_requested", "voided"] as &[_]),
        (1000, "REFUNDED", &["refund_requested", "refunded"]),
        (400, "REFUNDED", &["refund_requested", "void_requested", "refunded", "voided"]),
    ] {
        let id = authorized(&daybook, &format!("k{captured}"), 1000).await;
        if captured > 0 {
            let body = json!({"amount": captured, "idempotencyKey": "c"});
            daybook.post(&format!("/api/v1/payments/{id}/captures"), body).await.expect(200);
        }
        let path = format!("/api/v1/payments/{id}/cancellations");
        let answer = daybook.post(&path, request.clone()).await.expect(200);
        assert_eq!(answer.field("status"), status, "{}", answer.text);
        assert_eq!(answer.field("amountRefunded"), captured);
        assert_eq!(answer.field("amountVoided"), 1000 - captured);
        if captured > 0 {
            assert_eq!(answer.field("refunds/0/reason"), "sold out");
        }
        let types = daybook.event_types(&id).await;
        assert_eq!(types[types.len() - events.len()..], *events, "{captured}");
        answered.push((path, answer.text));
    }
    daybook.kill().await;
    daybook.resume().await;
    for (path, text) in &answered {
        let again = daybook.post(path, request.clone()).await.expect(200);
        assert_eq!((&again.text, again.header("idempotency-replayed")), (text, "true"));
        let reused = daybook.post(path, json!({"idempotencyKey": "x", "reason": "other"})).await;
        // A void keeps no reason, so there is none to compare.
        let is_void = path == &answered[0].0;
        assert_eq!(reused.status.as_u16(), if is_void { 200 } else { 422 }, "{}", reused.text);
        daybook.post(path, json!({})).await.expect(409);
    }
    daybook.verify().await;
}

pub(crate) async fn a_cancellation_waits_for_a_pending_capture(store: Store) {
    let flags = ["--simulator-latency-ms=1000", "--wait-ms=20000"];
    let daybook = Daybook::start(store, &flags).await;
    let id = authorized(&daybook, "k1", 1000).await;
    let at_once = [("prefer", "wait=0")];
    let captures = format!("/api/v1/payments/{id}/captures");
    daybook.post_with(&captures, &at_once, json!({})).await.expect(202);
    let path = format!("/api/v1/payments/{id}/cancellations");
    let refused = daybook.post_with(&path, &at_once, json!({})).await.expect(409);
    assert_eq!(
        (refused.field("code"), refused.header("retry-after")),
        (json!("CAPTURE_PENDING"), "1")
    );
    let refunded = daybook.post(&path, json!({})).await.expect(200);
    assert_eq!(refunded.field("status"), "REFUNDED");
    daybook.verify().await;
}
