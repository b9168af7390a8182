//! Cancellations over HTTP.

use std::time::Duration;

use serde_json::json;

use crate::client::post;
use crate::fixture::serve;
use crate::stand_in::{PAYMENT_ID, Script};

#[tokio::test]
async fn a_cancellation_answers_200_with_the_outcome_of_all_that_it_began() {
    for (captured, status, voids, refunds) in
        [(0, "VOIDED", 1, 0), (1000, "REFUNDED", 0, 1), (400, "REFUNDED", 1, 1)]
    {
        let served = serve(Script::Approve).await;
        served.authorize().await;
        if captured > 0 {
            let body = format!(r#"{{"amount":{captured},"idempotencyKey":"c-1"}}"#);
            assert_eq!(served.post_to_payment("/captures", &body).await.status, 200);
        }
        let request = r#"{"idempotencyKey":"x-1","merchantId":"shop-1","reason":"sold out"}"#;
        let answer = served.post_to_payment("/cancellations", request).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!(status)), "{answer:?}");
        let begun = |of: &str| answer.json()[of].as_array().unwrap().len();
        assert_eq!((begun("voids"), begun("refunds")), (voids, refunds), "{answer:?}");
        let again = served.post_to_payment("/cancellations", request).await;
        assert_eq!((again.status, &again.body), (200, &answer.body));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let asked = served.engine.cancellations.lock().unwrap()[0].clone();
        assert_eq!(asked.reason.as_deref(), Some("sold out"));
    }
}

#[tokio::test]
async fn a_cancellation_without_an_outcome_is_202_and_waits_as_preferred() {
    let served = serve(Script::Approve).await;
    served.authorize().await;
    served.engine.play(Script::LeavePending);
    let path = format!("/api/v1/payments/{PAYMENT_ID}/cancellations");
    let answer = served.send(&post(&path, "prefer: wait=7\r\n", "{}")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("VOID_REQUESTED")));
    assert_eq!(answer.header("preference-applied"), Some("wait=7"));
    let waited = served.engine.waits.lock().unwrap().last().copied();
    assert_eq!(waited, Some(Duration::from_secs(7)));
}
