//! The inline call of an authorization: when it is made, and what becomes of its answers.

use std::time::Duration;

use daybook_engine::acquirer::CallAnswer;
use daybook_engine::payment::{OperationStatus, PaymentStatus, Verb};

use crate::scripted::unknown;
use crate::stage::{LONG, Stage, authorize, until};

fn not_sent() -> CallAnswer {
    CallAnswer::NotSent { cause: "NOT_CONNECTED".into() }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_its_intent_is_in_the_ledger() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.faulty.block_appends();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.acquirer.contacts(), Vec::new());
    stage.faulty.release_appends();
    // The acquirer looks into the ledger at the moment of the call.
    assert!(request.await.unwrap().unwrap().is_concluded());
}

#[tokio::test(start_paused = true)]
async fn an_intent_committed_after_its_send_window_is_never_sent() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.faulty.block_appends();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    // The window is five seconds; the engine must not send at its very end either.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.faulty.release_appends();
    let answer = request.await.unwrap().unwrap();
    let payment = &answer.view.snapshot.payment;
    assert_eq!(payment.decline_code.as_deref(), Some("ACQUIRER_NOT_REACHED"));
    assert_eq!(stage.acquirer.contacts(), Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_suspended_through_its_send_window_sends_nothing() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.faulty.block_appends();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    // Only the wall clock has gone on.
    stage.advance(Duration::from_secs(5));
    stage.faulty.release_appends();
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Declined);
    assert_eq!(stage.acquirer.contacts(), Vec::new());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_is_tried_three_times_under_one_id_and_then_declined() {
    let stage = Stage::new();
    let engine = stage.engine();
    for _ in 0..3 {
        stage.acquirer.answer(Verb::Authorize, not_sent());
    }
    let answer = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    let payment = &answer.view.snapshot.payment;
    assert_eq!(payment.decline_code.as_deref(), Some("ACQUIRER_NOT_REACHED"));
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [answer.operation_id; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_could_be_sent_at_last_is_approved() {
    let stage = Stage::new();
    let engine = stage.engine();
    for _ in 0..2 {
        stage.acquirer.answer(Verb::Authorize, not_sent());
    }
    let answer = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Authorized);
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [answer.operation_id; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_unknown_and_never_a_failure() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.answer(Verb::Authorize, unknown());
    let answer = engine.authorize(authorize("order-1", 1000), Duration::from_secs(2)).await;
    let answer = answer.unwrap();
    assert!(!answer.is_concluded(), "{answer:?}");
    assert_eq!(answer.operation().unwrap().status, OperationStatus::Unknown);
    let id = answer.view.snapshot.payment_id;
    assert_eq!(stage.types(id).await, ["authorization_requested", "operation_unknown"]);
    assert_eq!(stage.acquirer.contacts().len(), 1, "it is not sent again");
}

#[tokio::test(start_paused = true)]
async fn an_acquirer_that_never_answers_is_given_up_and_the_operation_is_unknown() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let answer = engine.authorize(authorize("order-1", 1000), Duration::from_secs(1)).await;
    let id = answer.unwrap().view.snapshot.payment_id;
    until("the unknown operation", async || {
        stage.types(id).await == ["authorization_requested", "operation_unknown"]
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_goes_away_leaves_its_operation_to_finish() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    stage.acquirer.release_calls();
    assert!(engine.drain(LONG).await);
    assert_eq!(stage.events().await, 2);
    let repeat = stage.engine().authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert!(repeat.is_replay && repeat.is_concluded(), "{repeat:?}");
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [repeat.operation_id]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_engine_takes_no_request_and_has_recorded_every_outcome() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    let draining = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.drain(LONG).await })
    };
    tokio::time::sleep(Duration::from_millis(10)).await;
    let refused = engine.authorize(authorize("order-2", 1000), LONG).await;
    assert!(matches!(refused, Err(daybook_engine::engine::EngineError::Stopping)), "{refused:?}");
    assert!(!draining.is_finished(), "a call is still out");
    stage.acquirer.release_calls();
    assert!(draining.await.unwrap());
    assert!(request.await.unwrap().unwrap().is_concluded());
}
