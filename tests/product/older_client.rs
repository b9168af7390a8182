//! The older three-route client, unchanged.

use serde_json::json;

use crate::flows::authorization;
use crate::harness::Daybook;
use crate::store::Store;

pub(crate) async fn the_three_routes_flow_to_refunded(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=100", "--simulator-latency-ms=0..30"]).await;
    let mut body = authorization("k1", 1000);
    body["somethingOld"] = json!(true);
    let authorized = daybook.post("/api/payments/authorize", body).await.expect(200);
    assert_eq!(authorized.field("status"), "AUTHORIZED");
    assert!(authorized.text_field("message").len() > 3);
    let id = authorized.text_field("paymentId");
    let merchant = json!({"merchantId": "shop-1"});
    let captured = daybook.post(&format!("/api/payments/capture/{id}"), merchant).await.expect(200);
    assert_eq!(captured.field("status"), "CAPTURED");
    let entries = captured.field("ledgerEntries");
    let sum: i64 = entries.as_array().unwrap().iter().map(signed).sum();
    assert_eq!(sum, 0, "{entries}");
    assert_eq!(entries.as_array().map(Vec::len), Some(3), "{entries}");
    let body = json!({"merchantId": "shop-1", "reason": "changed my mind"});
    let refunded = daybook.post(&format!("/api/payments/refund/{id}"), body).await.expect(200);
    assert_eq!(refunded.field("status"), "REFUNDED");
    daybook.verify().await;
}

fn signed(entry: &serde_json::Value) -> i64 {
    let amount = entry["amount"].as_i64().unwrap();
    if entry["side"] == "debit" { amount } else { -amount }
}

pub(crate) async fn a_second_capture_is_a_conflict(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let authorized = daybook.post("/api/payments/authorize", authorization("k1", 1000)).await;
    let id = authorized.text_field("paymentId");
    let path = format!("/api/payments/capture/{id}");
    daybook.post(&path, json!({"merchantId": "shop-1"})).await.expect(200);
    let again = daybook.post(&path, json!({"merchantId": "shop-1"})).await.expect(409);
    assert_eq!(again.field("code"), "NOTHING_TO_CAPTURE");
    assert_eq!(again.field("paymentId"), id.as_str());
    assert!(!again.text_field("message").is_empty());
    let other = daybook.post(&path, json!({"merchantId": "shop-2"})).await.expect(404);
    assert_eq!(other.field("code"), "PAYMENT_NOT_FOUND");
}
