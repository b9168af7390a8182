//! A ledger whose answers are lost, or that can't be used for a while.

use daybook_engine::engine::EngineError;
use daybook_engine::ledger::faulty::AppendFault;
use daybook_engine::payment::{PaymentStatus, Verb};

use crate::stage::{LONG, Stage, authorize, authorized, capture, until};

const AUTHORIZED: [&str; 2] = ["authorization_requested", "authorized"];

#[tokio::test(start_paused = true)]
async fn an_intent_whose_answer_was_lost_is_appended_once_and_the_request_is_answered() {
    for fault in [AppendFault::LostAfterCommit, AppendFault::LostBeforeCommit] {
        let stage = Stage::new();
        let engine = stage.engine();
        stage.faulty.fail_next_append(fault);
        let answer = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
        let snapshot = &answer.view.snapshot;
        assert_eq!(snapshot.payment.status(), PaymentStatus::Authorized, "{fault:?}");
        assert!(!answer.is_replay, "{fault:?}");
        assert_eq!(stage.types(snapshot.payment_id).await, AUTHORIZED, "{fault:?}");
        assert_eq!(stage.events().await, 2, "{fault:?}");
        assert_eq!(stage.acquirer.calls(Verb::Authorize), [answer.operation_id], "{fault:?}");
        assert_eq!(stage.metrics.lost_answers.get(), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_whose_answer_was_lost_is_appended_once_and_the_request_is_answered() {
    for fault in [AppendFault::LostAfterCommit, AppendFault::LostBeforeCommit] {
        let stage = Stage::new();
        let engine = stage.engine();
        stage.acquirer.hold_calls();
        let request = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
        };
        until("the call", async || stage.acquirer.is_busy()).await;
        stage.faulty.fail_next_append(fault);
        stage.acquirer.release_calls();
        let answer = request.await.unwrap().unwrap();
        let id = answer.view.snapshot.payment_id;
        assert!(answer.is_concluded(), "{fault:?}");
        assert_eq!(stage.types(id).await, AUTHORIZED, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_capture_intent_is_appended_once() {
    for fault in [AppendFault::LostAfterCommit, AppendFault::LostBeforeCommit] {
        let stage = Stage::new();
        let engine = stage.engine();
        let id = authorized(&engine, "order-1", 1000).await;
        stage.faulty.fail_next_append(fault);
        let request = capture(id, "capture-1", 400);
        let answer = engine.capture(request, std::time::Duration::ZERO).await.unwrap();
        assert!(!answer.is_replay, "{fault:?}");
        let expected = [AUTHORIZED[0], AUTHORIZED[1], "capture_requested"];
        assert_eq!(stage.types(id).await, expected, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_an_unavailable_ledger_nothing_happens_and_the_same_key_succeeds_later() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.faulty.fail_appends(1);
    let refused = engine.authorize(authorize("order-1", 1000), LONG).await;
    assert!(matches!(refused, Err(EngineError::Store(_))), "{refused:?}");
    assert_eq!((stage.events().await, stage.acquirer.contacts()), (0, Vec::new()));

    let answer = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert!(answer.is_concluded() && !answer.is_replay, "{answer:?}");
    assert_eq!(stage.types(answer.view.snapshot.payment_id).await, AUTHORIZED);
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [answer.operation_id]);
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_met_an_unavailable_ledger_succeeds_later_with_one_effect() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    stage.faulty.fail_appends(1);
    let wait = std::time::Duration::ZERO;
    let refused = engine.capture(capture(id, "capture-1", 400), wait).await;
    assert!(matches!(refused, Err(EngineError::Store(_))), "{refused:?}");
    let answer = engine.capture(capture(id, "capture-1", 400), wait).await.unwrap();
    assert!(!answer.is_replay, "{answer:?}");
    assert_eq!(stage.types(id).await, [AUTHORIZED[0], AUTHORIZED[1], "capture_requested"]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_meets_an_unavailable_ledger_is_recorded_as_soon_as_it_can_be() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    stage.faulty.fail_appends(3);
    stage.acquirer.release_calls();
    let answer = request.await.unwrap().unwrap();
    assert!(answer.is_concluded(), "{answer:?}");
    assert_eq!(stage.types(answer.view.snapshot.payment_id).await, AUTHORIZED);
    assert_eq!(stage.acquirer.calls(Verb::Authorize).len(), 1);
}
