//! What the acquirer may do, and what comes of it: by the simulator's magic amounts and tokens.

use serde_json::json;

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, IMPATIENT, PATIENCE};
use crate::store::Store;
use tokio::time::{Instant, sleep};

pub(crate) async fn an_unknown_authorization_is_resolved_by_inquiry(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let headers = [("prefer", "wait=0")];
    let body = authorization("k1", 999_000_020);
    let pending = daybook.post_with("/api/v1/payments", &headers, body.clone()).await.expect(202);
    assert_eq!(pending.field("status"), "AUTHORIZING");
    let id = pending.text_field("paymentId");
    daybook.reaches(&id, &["AUTHORIZED"]).await;
    assert_eq!(
        daybook.event_types(&id).await,
        ["authorization_requested", "operation_unknown", "authorized"]
    );
    let replay = daybook.post("/api/v1/payments", body).await.expect(201);
    assert_eq!(replay.field("status"), "AUTHORIZED");
    daybook.verify().await;
}

pub(crate) async fn an_authorization_that_never_arrived_is_declined(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let body = authorization("k1", 999_000_022);
    let first = daybook.post("/api/v1/payments", body).await;
    let id = first.text_field("paymentId");
    let declined = daybook.reaches(&id, &["DECLINED"]).await;
    assert_eq!(declined.field("declineCode"), "ACQUIRER_NOT_REACHED");
}

pub(crate) async fn a_late_approval_is_reversed(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let mut body = authorization("k1", 1000);
    body["paymentMethod"] = json!({"token": "tok_authorize_contradicting_answer"});
    let first = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    assert_eq!(first.field("status"), "DECLINED");
    let id = first.text_field("paymentId");
    events_until(&daybook, &id, "reversed").await;
    assert_eq!(
        daybook.event_types(&id).await,
        ["authorization_requested", "declined", "late_outcome", "reversal_requested", "reversed"]
    );
    assert_eq!(daybook.post("/api/v1/payments", body).await.expect(201).text, first.text);
    daybook.verify().await;
}

pub(crate) async fn a_late_capture_is_posted_and_flagged(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let mut body = authorization("k1", 1000);
    body["paymentMethod"] = json!({"token": "tok_capture_contradicting_answer"});
    let id = daybook.post("/api/v1/payments", body).await.expect(201).text_field("paymentId");
    let captures = format!("/api/v1/payments/{id}/captures");
    let capture = json!({"amount": 700, "idempotencyKey": "c1"});
    let failed = daybook.post(&captures, capture.clone()).await.expect(200);
    assert_eq!(failed.field("status"), "CAPTURE_FAILED");
    events_until(&daybook, &id, "late_outcome").await;
    let payment = daybook.payment(&id).await;
    assert_eq!(payment.field("amountCaptured"), 700, "{}", payment.text);
    assert_eq!(daybook.post(&captures, capture).await.expect(200).text, failed.text);
    let list = daybook
        .list_until("/api/v1/settlements", |list| {
            list["items"].as_array().is_some_and(|i| !i.is_empty())
        })
        .await;
    assert_eq!(list["items"][0]["grossAmount"], 700, "{list}");
    daybook.verify().await;
}

pub(crate) async fn duplicate_answers_change_nothing(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let id = {
        let body = authorization("k1", 999_000_031);
        daybook.post("/api/v1/payments", body).await.expect(201).text_field("paymentId")
    };
    // The repeats come a second later; the capture's own repeats after them.
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(
        daybook.event_types(&id).await,
        ["authorization_requested", "authorized", "capture_requested", "captured"]
    );
}

pub(crate) async fn a_capture_of_unknown_outcome_counts_until_it_is_known(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let mut body = authorization("k1", 1000);
    body["paymentMethod"] = json!({"token": "tok_capture_cut_then_pending"});
    let id = daybook.post("/api/v1/payments", body).await.expect(201).text_field("paymentId");
    let captures = format!("/api/v1/payments/{id}/captures");
    let headers = [("prefer", "wait=0")];
    let first = json!({"amount": 600, "idempotencyKey": "c1"});
    daybook.post_with(&captures, &headers, first).await.expect(202);
    let second = json!({"amount": 600, "idempotencyKey": "c2"});
    let refused = daybook.post_with(&captures, &headers, second).await.expect(409);
    assert_eq!(refused.field("code"), "CAPTURE_EXCEEDS_AUTHORIZED");
    let voided = daybook.post(&format!("/api/v1/payments/{id}/voids"), json!({})).await.expect(409);
    assert_eq!(voided.field("code"), "CAPTURE_PENDING");
    assert!(voided.headers.contains_key("retry-after"));
    let done = daybook.reaches(&id, &["PARTIALLY_CAPTURED"]).await;
    assert_eq!(done.field("amountCaptured"), 600);
}

pub(crate) async fn a_failed_capture_can_be_repeated(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let id = authorized(&daybook, "k1", 1_000_000_000).await;
    let captures = format!("/api/v1/payments/{id}/captures");
    let magic = json!({"amount": 999_000_010, "idempotencyKey": "c1"});
    let failed = daybook.post(&captures, magic).await.expect(200);
    assert_eq!(failed.field("status"), "CAPTURE_FAILED");
    assert_eq!(failed.field("captures/0/responseCode"), "SYSTEM_ERROR");
    let captured = daybook.post(&captures, json!({})).await.expect(200);
    assert_eq!(captured.field("status"), "CAPTURED");
}

pub(crate) async fn open_operations_survive_a_restart(store: Store) {
    let slow: Vec<&str> = IMPATIENT.iter().copied().chain(["--simulator-latency-ms=350"]).collect();
    let mut daybook = Daybook::start(store, &slow).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        let id = authorized(&daybook, &format!("k{number}"), 1000).await;
        let path = format!("/api/v1/payments/{id}/captures");
        daybook.post_with(&path, &[("prefer", "wait=0")], json!({})).await.expect(202);
        ids.push(id);
    }
    daybook.kill().await;
    daybook.resume().await;
    for id in &ids {
        let done = daybook.reaches(id, &["CAPTURED"]).await;
        assert_eq!(done.field("captures").as_array().map(Vec::len), Some(1), "{}", done.text);
    }
    daybook.verify().await;
}

async fn events_until(daybook: &Daybook, id: &str, last: &str) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let types = daybook.event_types(id).await;
        if types.last().is_some_and(|found| found == last) {
            return;
        }
        assert!(Instant::now() < give_up, "{id} has {types:?}, and never {last}");
        sleep(std::time::Duration::from_millis(20)).await;
    }
}
