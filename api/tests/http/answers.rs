//! What the money verbs answer, on both sets of routes.

use std::time::Duration;

use serde_json::json;

use crate::client::post;
use crate::fixture::{AUTHORIZE, Served, serve};
use crate::stand_in::{PAYMENT_ID, Script};

const OLDER_CAPTURE: &str = "/api/payments/capture/7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";
const OLDER_REFUND: &str = "/api/payments/refund/7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";

#[tokio::test]
async fn an_authorization_answers_201_with_an_outcome_and_202_without() {
    for (script, status, payment_status) in [
        (Script::Approve, 201, "AUTHORIZED"),
        (Script::Decline, 201, "DECLINED"),
        (Script::LeavePending, 202, "AUTHORIZING"),
    ] {
        let served = serve(script.clone()).await;
        let answer = served.authorize().await;
        assert_eq!(answer.status, status, "{script:?} {answer:?}");
        assert_eq!(answer.json()["status"], payment_status, "{answer:?}");
        let location = format!("/api/v1/payments/{PAYMENT_ID}");
        assert_eq!(answer.header("location"), Some(location.as_str()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
}

#[tokio::test]
async fn a_sale_answers_201_while_its_capture_is_pending() {
    let served = serve(Script::Approve).await;
    let sale = AUTHORIZE.replace("\"EUR\"", "\"EUR\",\"captureMethod\":\"automatic\"");
    let answer = served.post("/api/v1/payments", &sale).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["status"], "CAPTURE_REQUESTED", "{answer:?}");
}

#[tokio::test]
async fn captures_voids_and_refunds_answer_200_with_any_outcome_and_202_without() {
    for (end, captured_first) in [("/captures", false), ("/voids", false), ("/refunds", true)] {
        for (script, status, operation_status) in [
            (Script::Approve, 200, "SUCCEEDED"),
            (Script::Decline, 200, "FAILED"),
            (Script::LeavePending, 202, "PENDING"),
        ] {
            let served = authorized(captured_first).await;
            served.engine.play(script.clone());
            let answer = served.post_to_payment(end, "{}").await;
            assert_eq!(answer.status, status, "{end} {script:?} {answer:?}");
            let operation = &answer.json()[&end[1..]][0];
            assert_eq!(operation["status"], operation_status, "{end} {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_replay_answers_the_same_and_says_so() {
    let served = serve(Script::Approve).await;
    let first = served.authorize().await;
    let again = served.authorize().await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = served.post("/api/v1/payments", &AUTHORIZE.replace("1000", "1001")).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    let older = served.post("/api/payments/authorize", AUTHORIZE).await;
    assert_eq!((older.status, older.header("idempotency-replayed")), (200, Some("true")));
}

#[tokio::test]
async fn the_older_routes_answer_200_with_a_message_and_the_postings() {
    let served = serve(Script::Approve).await;
    let authorize = AUTHORIZE.replace("}", r#","locale":"de","amount2":[{"x":1}]}"#);
    let answer = served.post("/api/payments/authorize?x=1", &authorize).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["message"], "Authorized");
    assert_eq!(answer.json()["ledgerEntries"], json!([]));
    assert_eq!(answer.json()["metadata"], json!(null));

    let captured = served.post(OLDER_CAPTURE, r#"{"merchantId":"shop-1","amount":"no"}"#).await;
    assert_eq!((captured.status, captured.json()["status"].as_str()), (200, Some("CAPTURED")));
    assert_eq!(captured.json()["amountCaptured"], 1000, "the amount of the body is ignored");
    let entries = &captured.json()["ledgerEntries"];
    assert_eq!(entries[0]["account"], "acquirer_receivable", "{entries}");
    assert_eq!((&entries[0]["side"], &entries[0]["amount"]), (&json!("debit"), &json!(1000)));
    assert_eq!((&entries[2]["account"], &entries[2]["amount"]), (&json!("fees"), &json!(29)));

    let refund = r#"{"merchantId":"shop-1","reason":"returned"}"#;
    let refunded = served.post(OLDER_REFUND, refund).await;
    assert_eq!((refunded.status, refunded.json()["status"].as_str()), (200, Some("REFUNDED")));
    assert_eq!(served.engine.refunds.lock().unwrap()[0].reason.as_deref(), Some("returned"));
}

#[tokio::test]
async fn the_older_routes_answer_200_declined_and_pending_alike() {
    for (script, status, message) in [
        (Script::Decline, "DECLINED", "Declined: DO_NOT_HONOUR"),
        (
            Script::LeavePending,
            "AUTHORIZING",
            "The authorization is pending: ask for the payment later",
        ),
    ] {
        let served = serve(script).await;
        let answer = served.post("/api/payments/authorize", AUTHORIZE).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!((&body["status"], &body["message"]), (&json!(status), &json!(message)));
    }
}

#[tokio::test]
async fn a_preferred_wait_reaches_the_engine_on_version_1_only() {
    let served = serve(Script::Approve).await;
    let prefer = |path, prefer: &'static str| {
        let request = post(path, prefer, AUTHORIZE);
        let served = &served;
        async move { served.send(&request).await }
    };
    let table = [
        ("/api/v1/payments", "", 2, None),
        ("/api/v1/payments", "prefer: wait=7\r\n", 7, Some("wait=7")),
        ("/api/v1/payments", "prefer: wait=900\r\n", 30, Some("wait=30")),
        ("/api/v1/payments", "prefer: respond-async\r\nprefer: wait=0\r\n", 0, Some("wait=0")),
        ("/api/payments/authorize", "prefer: wait=7\r\n", 2, None),
    ];
    for (path, header, seconds, applied) in table {
        let answer = prefer(path, header).await;
        assert_eq!(answer.header("preference-applied"), applied, "{path} {header}");
        let waited = served.engine.waits.lock().unwrap().last().copied();
        assert_eq!(waited, Some(Duration::from_secs(seconds)), "{path} {header}");
    }
}

#[tokio::test]
async fn a_payment_and_its_events_are_read_back() {
    let served = serve(Script::Approve).await;
    let sent = AUTHORIZE.replace(
        "\"EUR\"",
        r#""EUR","reference":"order 7","metadata":{"z":"1","a":"ü\n\u0041"}"#.replace("\\n", "").as_str(),
    );
    let created = served.post("/api/v1/payments", &sent).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.body.contains(r#""metadata":{"a":"üA","z":"1"}"#), "{created:?}");
    let read = served.get(&format!("/api/v1/payments/{PAYMENT_ID}")).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    assert_eq!(read.json()["position"], "3:42");

    let events = served.get(&format!("/api/v1/payments/{PAYMENT_ID}/events")).await.json();
    assert_eq!(events["items"][0]["type"], "payment.authorization_requested", "{events}");
    assert_eq!(events["items"][1]["version"], 2, "{events}");
    assert_eq!(events["items"][1]["position"], "3:42", "{events}");
    assert_eq!(events["items"][1]["data"]["merchantId"], "shop-1", "{events}");
}

#[tokio::test]
async fn another_merchants_payment_is_not_found() {
    let served = authorized(false).await;
    let path = format!("/api/v1/payments/{PAYMENT_ID}");
    for (end, status) in [("?merchantId=shop-1", 200), ("?merchantId=shop-2", 404)] {
        assert_eq!(served.get(&format!("{path}{end}")).await.status, status, "{end}");
        assert_eq!(served.get(&format!("{path}/events{end}")).await.status, status, "{end}");
    }
    let captured = served.post_to_payment("/captures", r#"{"merchantId":"shop-2"}"#).await;
    assert_eq!((captured.status, captured.code()), (404, "PAYMENT_NOT_FOUND".to_owned()));
}

/// An authorized payment; captured too where asked.
async fn authorized(is_captured: bool) -> Served {
    let served = serve(Script::Approve).await;
    assert_eq!(served.authorize().await.status, 201);
    if is_captured {
        assert_eq!(served.post_to_payment("/captures", "").await.status, 200);
    }
    served
}
