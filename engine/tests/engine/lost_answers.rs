//! A ledger whose answers are lost, or that can't be used for a while.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::engine::{Answer, EngineError};
use daybook_engine::ledger::StoreError;
use daybook_engine::ledger::faulty::AppendFault;
use daybook_engine::payment::{PaymentStatus, Verb};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

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
        let answer = engine.capture(request, Duration::ZERO).await.unwrap();
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
    let wait = Duration::ZERO;
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

/// An authorization whose intent's commit is being looked for, over so many failing attempts.
async fn being_looked_for(
    stage: &Stage,
    engine: &Engine,
    attempts: usize,
) -> JoinHandle<Result<Answer, EngineError>> {
    let begun = stage.faulty.appends_begun();
    stage.faulty.fail_next_append(AppendFault::LostAfterCommit);
    stage.faulty.fail_appends(attempts);
    let engine = engine.clone();
    let request =
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await });
    until("the search", async || stage.faulty.appends_begun() >= begun + 2).await;
    request
}

fn is_unavailable(answer: &Result<Answer, EngineError>) -> bool {
    matches!(answer, Err(EngineError::Store(StoreError::Unavailable { .. })))
}

#[tokio::test(start_paused = true)]
async fn commands_behind_a_lost_commit_are_refused_at_once_and_succeed_when_it_is_found() {
    let stage = Stage::new();
    let engine = stage.engine();
    let lost = being_looked_for(&stage, &engine, 40).await;
    // While an attempt is on its way, too.
    stage.faulty.block_appends();
    stage.faulty.appends_waiting(1).await;
    for _ in 0..3 {
        let asked_at = Instant::now();
        let asking = engine.authorize(authorize("order-2", 1000), LONG);
        let refused = timeout(LONG, asking).await.expect("an answer at once");
        assert!(is_unavailable(&refused), "{refused:?}");
        assert_eq!(asked_at.elapsed(), Duration::ZERO);
    }
    assert!(!lost.is_finished());
    stage.faulty.release_appends();
    let answer = lost.await.unwrap().unwrap();
    assert!(answer.is_concluded() && !answer.is_replay, "{answer:?}");
    let next = engine.authorize(authorize("order-2", 1000), LONG).await.unwrap();
    assert!(next.is_concluded() && !next.is_replay, "{next:?}");
    for answer in [answer, next] {
        assert_eq!(stage.types(answer.view.snapshot.payment_id).await, AUTHORIZED);
    }
    assert_eq!(stage.acquirer.calls(Verb::Authorize).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_behind_a_lost_commit_is_recorded_when_it_is_found() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let called = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-0", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    let lost = being_looked_for(&stage, &engine, 20).await;
    stage.acquirer.release_calls();
    for request in [called, lost] {
        let answer = request.await.unwrap().unwrap();
        assert!(answer.is_concluded(), "{answer:?}");
        assert_eq!(stage.types(answer.view.snapshot.payment_id).await, AUTHORIZED);
    }
    assert_eq!(stage.acquirer.calls(Verb::Authorize).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_never_found_is_given_up_and_the_queue_goes_on() {
    let stage = Stage::new();
    let engine = stage.engine();
    let lost = being_looked_for(&stage, &engine, 700).await;
    let answer = lost.await.unwrap();
    let Err(EngineError::Store(StoreError::AnswerLost { .. })) = answer else {
        panic!("{answer:?}")
    };
    until("the ledger is back", async || {
        engine.authorize(authorize("order-2", 1000), LONG).await.is_ok()
    })
    .await;
    let again = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert_eq!(stage.types(again.view.snapshot.payment_id).await[0], AUTHORIZED[0]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_meets_an_unavailable_ledger_keeps_no_later_one_waiting() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.faulty.fail_appends(1);
    stage.faulty.block_appends();
    let first = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    let second = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-2", 1000), LONG).await })
    };
    let asked_at = Instant::now();
    stage.faulty.release_appends();
    let refused = first.await.unwrap();
    assert!(is_unavailable(&refused), "{refused:?}");
    assert!(second.await.unwrap().unwrap().is_concluded());
    assert_eq!(asked_at.elapsed(), Duration::ZERO);
}
