//! What the engine refuses or can't do, as the client sees it.

use daybook_engine::engine::EngineError;
use daybook_engine::ledger::StoreError;
use daybook_engine::payment::{DecodeError, Rejection};

use crate::fixture::{AUTHORIZE, serve};
use crate::stand_in::{PAYMENT_ID, Script, payment_id};

#[tokio::test]
async fn every_rejection_is_answered_with_its_code_on_both_sets_of_routes() {
    let served = serve(Script::Approve).await;
    let older = format!("/api/payments/refund/{PAYMENT_ID}");
    let newer = format!("/api/v1/payments/{PAYMENT_ID}/refunds");
    // No route names an operation.
    let of_routes = |known: &&Rejection| **known != Rejection::UnknownOperation;
    for rejection in Rejection::ALL.iter().filter(of_routes) {
        let payment_id = Some(payment_id());
        let error = EngineError::Rejected { payment_id, rejection: rejection.clone() };
        served.engine.play(Script::Refuse(error));
        let status = match rejection {
            Rejection::NotFound => 404,
            Rejection::KeyReused => 422,
            Rejection::KeyRequired => 400,
            _ => 409,
        };
        for path in [&older, &newer] {
            let answer = served.post(path, "{}").await;
            assert_eq!((answer.status, answer.code().as_str()), (status, rejection.code()));
            let body = answer.json();
            assert_eq!(body["message"], rejection.to_string(), "{body}");
            assert_eq!(body["paymentId"], PAYMENT_ID, "{body}");
            let retry_after = rejection.is_transient().then_some("1");
            assert_eq!(answer.header("retry-after"), retry_after, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn an_engine_that_cannot_answer_is_503_with_retry_after_or_500() {
    let store = |error| EngineError::Store(error);
    let cause = || "secret path".to_owned();
    let damaged = DecodeError::Unknown { event_type: "payment.moved".into(), version: 3 };
    let table = [
        (EngineError::Overloaded, 503, "OVERLOADED"),
        (EngineError::AcquirerUnavailable, 503, "ACQUIRER_UNAVAILABLE"),
        (EngineError::Stopping, 503, "STOPPING"),
        (
            store(StoreError::Unavailable { store: "ledger", cause: cause() }),
            503,
            "LEDGER_UNAVAILABLE",
        ),
        (
            store(StoreError::AnswerLost { store: "ledger", cause: cause() }),
            503,
            "LEDGER_UNAVAILABLE",
        ),
        (store(StoreError::Damaged { store: "ledger", cause: cause() }), 503, "LEDGER_UNAVAILABLE"),
        (store(StoreError::Refused(cause())), 503, "LEDGER_UNAVAILABLE"),
        (EngineError::Unreadable(damaged), 500, "LEDGER_UNREADABLE"),
    ];
    let served = serve(Script::Approve).await;
    for (error, status, code) in table {
        served.engine.play(Script::Refuse(error.clone()));
        let answer = served.post("/api/v1/payments", AUTHORIZE).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{error:?}");
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"), "{error:?}");
        assert!(!answer.body.contains("secret"), "the cause is the log's: {answer:?}");
        let says_upgrade = answer.body.contains("upgrade daybook");
        assert_eq!(says_upgrade, code == "LEDGER_UNREADABLE", "{answer:?}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_process_lives() {
    let served = serve(Script::Panic).await;
    let answer = served.authorize().await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "INTERNAL"));
    assert!(answer.header("x-request-id").is_some());
    served.engine.play(Script::Approve);
    assert_eq!(served.authorize().await.status, 201);
}
