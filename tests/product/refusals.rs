//! Why a request can be refused by what stands in the ledger and in the views: each code by a payment that meets it.

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::store::Store;

const AT_ONCE: &[(&str, &str)] = &[("prefer", "wait=0")];

/// A token by which this verb's outcome is unknown until the second inquiry, after ten seconds.
fn pending(verb: &str) -> String {
    format!("tok_{verb}_cut_then_pending")
}

/// A payment of 1000 that behaves as the token says.
async fn with_token(daybook: &Daybook, token: &str) -> String {
    let mut body = authorization(token, 1000);
    body["paymentMethod"] = json!({"token": token});
    let answer = daybook.post_with("/api/v1/payments", AT_ONCE, body).await;
    assert!([201, 202].contains(&answer.status.as_u16()), "{answer:?}");
    answer.text_field("paymentId")
}

async fn is_refused(daybook: &Daybook, id: &str, verb: &str, body: Value, code: &str) {
    let path = format!("/api/v1/payments/{id}/{verb}");
    let answer = daybook.post_with(&path, AT_ONCE, body).await;
    assert_eq!(answer.field("code"), code, "{verb}: {}", answer.text);
    let status = answer.status.as_u16();
    assert_eq!(status, if code == "PAYMENT_NOT_FOUND" { 404 } else { 409 }, "{}", answer.text);
    let is_pending = code.ends_with("_PENDING");
    assert_eq!(answer.headers.contains_key("retry-after"), is_pending, "{code}");
}

pub(crate) async fn every_refusal_by_a_payments_state_has_its_code(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let some = |key: &str, amount: i64| json!({"idempotencyKey": key, "amount": amount});
    let all = || json!({});

    let id = with_token(&daybook, &pending("authorize")).await;
    is_refused(&daybook, &id, "captures", all(), "AUTHORIZATION_PENDING").await;

    let id = with_token(&daybook, &pending("capture")).await;
    daybook.post_with(&format!("/api/v1/payments/{id}/captures"), AT_ONCE, all()).await.expect(202);
    for next in ["captures", "voids", "refunds", "cancellations"] {
        is_refused(&daybook, &id, next, all(), "CAPTURE_PENDING").await;
    }

    let id = with_token(&daybook, &pending("void")).await;
    daybook.post_with(&format!("/api/v1/payments/{id}/voids"), AT_ONCE, all()).await.expect(202);
    for next in ["captures", "voids", "cancellations"] {
        is_refused(&daybook, &id, next, all(), "VOID_PENDING").await;
    }

    let id = with_token(&daybook, &pending("refund")).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), all()).await.expect(200);
    is_refused(&daybook, &id, "captures", all(), "NOTHING_TO_CAPTURE").await;
    is_refused(&daybook, &id, "voids", all(), "NOTHING_TO_VOID").await;
    is_refused(&daybook, &id, "refunds", some("r", 1001), "REFUND_EXCEEDS_CAPTURED").await;
    daybook.post_with(&format!("/api/v1/payments/{id}/refunds"), AT_ONCE, all()).await.expect(202);
    for next in ["refunds", "cancellations"] {
        is_refused(&daybook, &id, next, all(), "REFUND_PENDING").await;
    }

    let id = authorized(&daybook, "voided", 1000).await;
    is_refused(&daybook, &id, "refunds", all(), "NOTHING_TO_REFUND").await;
    is_refused(&daybook, &id, "captures", some("c", 1001), "CAPTURE_EXCEEDS_AUTHORIZED").await;
    let stranger = json!({"merchantId": "shop-2"});
    is_refused(&daybook, &id, "captures", stranger, "PAYMENT_NOT_FOUND").await;
    daybook.post(&format!("/api/v1/payments/{id}/voids"), all()).await.expect(200);
    is_refused(&daybook, &id, "captures", all(), "PAYMENT_VOIDED").await;

    let declined = daybook.post("/api/v1/payments", authorization("declined", 999_000_001)).await;
    let id = declined.text_field("paymentId");
    is_refused(&daybook, &id, "captures", all(), "PAYMENT_DECLINED").await;
    daybook.verify().await;
}

pub(crate) async fn a_payment_takes_two_hundred_operations_and_then_says_so(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "many", 1000).await;
    let path = format!("/api/v1/payments/{id}/captures");
    // The authorization is the first of them.
    for number in 1..200 {
        let body = json!({"idempotencyKey": format!("c{number}"), "amount": 1});
        daybook.post(&path, body).await.expect(200);
    }
    let one_more = json!({"idempotencyKey": "c200", "amount": 1});
    is_refused(&daybook, &id, "captures", one_more, "TOO_MANY_OPERATIONS").await;
    let last = json!({"idempotencyKey": "c199", "amount": 1});
    let again = daybook.post(&path, last).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    daybook.verify().await;
}

pub(crate) async fn what_can_t_be_read_is_refused_and_says_so(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    let other = authorized(&daybook, "k2", 1000).await;
    daybook.list_until("/api/v1/payments", |list| list["items"][1]["status"] == "CAPTURED").await;
    daybook.stop().await;
    let moved = "UPDATE event SET type = 'payment.moved' WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[moved]).await;
    let status = "UPDATE operation SET status = 'MOVED' WHERE verb = 'capture'";
    daybook.book.tamper_with_views(&[status]).await;
    daybook.resume().await;

    let unreadable = daybook.payment(&id).await.expect(500);
    assert_eq!(unreadable.field("code"), "LEDGER_UNREADABLE", "{}", unreadable.text);
    let unreadable = daybook.post(&format!("/api/v1/payments/{id}/refunds"), json!({})).await;
    assert_eq!(unreadable.expect(500).field("code"), "LEDGER_UNREADABLE");
    daybook.payment(&other).await.expect(200);
    let list = daybook.get("/api/v1/operations").await.expect(503);
    assert_eq!(list.field("code"), "VIEWS_UNAVAILABLE", "{}", list.text);
    daybook.get("/api/v1/refunds").await.expect(200);

    for (query, status, code) in [
        ("minPosition=64:1", 422, "POSITION_UNKNOWN"),
        ("minPosition=3:1000", 409, "VIEWS_BEHIND"),
        ("cursor=00", 422, "CURSOR_INVALID"),
        ("colour=red", 400, "UNKNOWN_PARAMETER"),
        ("limit=0", 400, "PARAMETER_INVALID"),
    ] {
        let path = format!("/api/v1/refunds?{query}");
        let refused = daybook.send(hyper::Method::GET, &path, AT_ONCE, None).await.unwrap();
        assert_eq!(refused.expect(status).field("code"), code, "{query}");
    }
}
