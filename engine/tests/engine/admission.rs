//! Room for intents and outcomes: what has none is refused at once, what has some is finished.

use std::time::Duration;

use daybook_engine::engine::{EngineError, EngineSettings};
use daybook_engine::payment::PaymentStatus;

use crate::stage::{LONG, Stage, authorize, authorized, body, capture, until, void};

const AT_ONCE: Duration = Duration::from_millis(1);

fn room_for(queue_max: usize) -> EngineSettings {
    EngineSettings { queue_max, ..EngineSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn beyond_its_room_the_engine_refuses_at_once_and_finishes_what_it_accepted() {
    let stage = Stage::new();
    let engine = stage.engine_with(room_for(4));
    stage.faulty.block_appends();
    let accepted: Vec<_> = ["order-1", "order-2"]
        .map(|name| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.authorize(authorize(name, 1000), LONG).await })
        })
        .into();
    stage.faulty.appends_waiting(1).await;

    let third = engine.authorize(authorize("order-3", 1000), LONG);
    let third = tokio::time::timeout(AT_ONCE, third).await.expect("a refusal doesn't wait");
    assert!(matches!(third, Err(EngineError::Overloaded)), "{third:?}");
    assert_eq!(stage.metrics.refused_overloaded.get(), 1);

    stage.faulty.release_appends();
    for request in accepted {
        let answer = request.await.unwrap().unwrap();
        assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Authorized);
    }
    assert_eq!(stage.events().await, 4);
    // All room is free again.
    for name in ["order-3", "order-4", "order-5"] {
        authorized(&engine, name, 1000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_call_already_made_has_room_when_nothing_else_has() {
    let stage = Stage::new();
    let engine = stage.engine_with(room_for(2));
    let id = authorized(&engine, "order-1", 1000).await;
    stage.acquirer.hold_calls();
    let called = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-2", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    stage.faulty.block_appends();
    let queued = {
        let engine = engine.clone();
        let request = capture(id, "capture-1", 100);
        tokio::spawn(async move { engine.capture(request, Duration::ZERO).await })
    };
    stage.faulty.appends_waiting(1).await;
    let refused = engine.capture(capture(id, "capture-2", 100), Duration::ZERO).await;
    assert!(matches!(refused, Err(EngineError::Overloaded)), "{refused:?}");

    stage.acquirer.release_calls();
    until("the answer of the call", async || !stage.acquirer.is_busy()).await;
    stage.faulty.release_appends();
    let answer = called.await.unwrap().unwrap();
    assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Authorized);
    assert!(queued.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_waits_keeps_no_room_from_others() {
    let stage = Stage::new();
    // The first call's outcome takes one; another authorization needs the other two.
    let engine = stage.engine_with(room_for(3));
    stage.acquirer.hold_calls();
    let begin = |name: &'static str| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize(name, 1000), LONG).await })
    };
    let first = begin("order-1");
    until("the first call", async || stage.acquirer.is_busy()).await;
    let repeat = begin("order-1");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let other = begin("order-2");
    until("the other call", async || stage.acquirer.contacts().len() == 2).await;
    stage.acquirer.release_calls();
    for request in [first, repeat, other] {
        assert!(request.await.unwrap().unwrap().is_concluded());
    }
    assert_eq!(stage.acquirer.contacts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_the_acquirer_is_away_no_intent_is_written() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    stage.acquirer.set_away(true);
    let events = stage.events().await;
    let refused = [
        engine.authorize(authorize("order-2", 1000), LONG).await.map(|_| ()),
        engine.capture(capture(id, "capture-1", 100), LONG).await.map(|_| ()),
        engine.void(void(id, "void-1"), LONG).await.map(|_| ()),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(EngineError::AcquirerUnavailable)), "{answer:?}");
    }
    assert_eq!(stage.events().await, events);
    assert_eq!(stage.metrics.refused_by_acquirer.get(), 3);
    stage.acquirer.set_away(false);
    authorized(&engine, "order-2", 1000).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_ledger_is_answered_while_the_acquirer_is_away() {
    let stage = Stage::new();
    let first = stage.engine().authorize(authorize("order-1", 1000), LONG).await.unwrap();
    stage.acquirer.set_away(true);
    // Another process, which has never seen the payment.
    let repeat = stage.beside().engine().authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert!(repeat.is_replay);
    assert_eq!(body(&repeat), body(&first));
    let id = first.view.snapshot.payment_id;
    let beyond = stage.engine().capture(capture(id, "capture-1", 1001), LONG).await;
    assert!(matches!(beyond, Err(EngineError::Rejected { .. })), "{beyond:?}");
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_call_is_recorded_when_the_acquirer_has_gone_meanwhile() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let called = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    until("the call", async || stage.acquirer.is_busy()).await;
    stage.acquirer.set_away(true);
    stage.acquirer.release_calls();
    let answer = called.await.unwrap().unwrap();
    assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Authorized);
}
