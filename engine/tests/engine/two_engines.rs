//! Two processes over one ledger, each with a memory of its own.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::engine::{EngineError, EngineSettings};
use daybook_engine::ids::PaymentId;
use daybook_engine::payment::{EventBody, Payment, Rejection, Verb};

use crate::scripted::approval;
use crate::stage::{
    LONG, Stage, amount, authorize, authorized, body, capture, refund, rejection, until,
};

/// Captures on this engine, with the acquirer's approval.
async fn captured(engine: &Engine, id: PaymentId, name: &str, minor: i64) {
    let answer = engine.capture(capture(id, name, minor), Duration::ZERO).await.unwrap();
    let room = engine.reserve().await.unwrap();
    let outcome = approval(amount(minor), "tx");
    assert!(engine.conclude(id, answer.operation_id, outcome, room).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_old_memory_refuses_nothing_that_the_ledger_allows() {
    let stage = Stage::new();
    let (a, b) = (stage.engine(), stage.engine());
    let id = authorized(&a, "order-1", 1000).await;
    // From here on B remembers the payment with nothing captured.
    b.payment(id).await.unwrap().unwrap();
    captured(&a, id, "capture-1", 600).await;
    let answer = b.refund(refund(id, "refund-1", 600), Duration::ZERO).await.unwrap();
    assert_eq!(answer.operation().unwrap().verb, Verb::Refund);
    assert_eq!(stage.types(id).await.last().unwrap(), "refund_requested");
}

#[tokio::test(start_paused = true)]
async fn an_old_memory_grants_nothing_that_the_ledger_forbids() {
    let stage = Stage::new();
    let (a, b) = (stage.engine(), stage.engine());
    let id = authorized(&a, "order-1", 1000).await;
    b.payment(id).await.unwrap().unwrap();
    captured(&a, id, "capture-1", 600).await;
    let before = stage.types(id).await;
    let refused = b.capture(capture(id, "capture-2", 500), Duration::ZERO).await;
    let expected =
        Rejection::CaptureExceedsAuthorized { requested: amount(500), capturable: amount(400) };
    assert_eq!(rejection(refused), expected);
    assert_eq!(stage.types(id).await, before);
    // The key was not used up by the refusal.
    let smaller = b.capture(capture(id, "capture-2", 400), Duration::ZERO).await.unwrap();
    assert!(!smaller.is_replay);
}

#[tokio::test(start_paused = true)]
async fn competing_captures_of_two_engines_stay_in_bounds_and_none_hangs() {
    for queue_max in [4, 4_096] {
        let stage = Stage::new();
        let settings = EngineSettings { queue_max, ..EngineSettings::default() };
        let engines = [stage.engine_with(settings), stage.engine_with(settings)];
        let id = authorized(&engines[0], "order-1", 1000).await;
        let requests: Vec<_> = (0..40)
            .map(|number| {
                let engine = engines[number % 2].clone();
                let request = capture(id, &format!("capture-{number}"), 100);
                tokio::spawn(async move { engine.capture(request, Duration::ZERO).await })
            })
            .collect();
        let mut accepted = 0;
        for request in requests {
            let answer = tokio::time::timeout(LONG * 6, request).await.expect("none hangs");
            match answer.unwrap() {
                Ok(_) => accepted += 1,
                Err(EngineError::Overloaded) => assert_eq!(queue_max, 4),
                Err(EngineError::Rejected { rejection, .. }) => {
                    assert_eq!(rejection, Rejection::CapturePending);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!((1..=10).contains(&accepted), "{accepted} with room for {queue_max}");
        if queue_max > 4 {
            assert_eq!(accepted, 10, "what fits is accepted");
            assert!(stage.metrics.conflicting_batches.get() > 0, "they did not compete");
        }
        check_bounds(&engines[0], id).await;
        // And nothing is stuck afterwards, in either of them.
        for (engine, name) in engines.iter().zip(["order-2", "order-3"]) {
            authorized(engine, name, 1000).await;
        }
    }
}

/// captured + pending ≤ authorized at every version.
async fn check_bounds(engine: &Engine, id: PaymentId) {
    let recorded = engine.events(id).await.unwrap();
    let events: Vec<_> = recorded.iter().map(|recorded| recorded.decode().unwrap()).collect();
    assert!(matches!(events[1].body, EventBody::Authorized(_)), "{events:?}");
    for version in 2..=events.len() {
        let payment = Payment::fold(&events[..version]).unwrap();
        let taken = payment.amount_captured().plus(payment.amount_capture_pending());
        assert!(taken <= payment.amount_authorized(), "{taken} at version {version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_in_another_engine_waits_for_the_firsts_outcome() {
    let stage = Stage::new();
    let (a, b) = (stage.engine(), stage.engine());
    stage.acquirer.hold_calls();
    let begin = |engine: &Engine| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    let first = begin(&a);
    until("the call", async || stage.acquirer.is_busy()).await;
    let second = begin(&b);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!second.is_finished(), "it answered before the outcome");
    stage.acquirer.release_calls();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!((first.is_replay, second.is_replay), (false, true));
    assert_eq!(first.operation_id, second.operation_id);
    assert_eq!(body(&first), body(&second));
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [first.operation_id]);
    assert_eq!(stage.events().await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_authorization_in_two_engines_at_once_is_one_payment() {
    let stage = Stage::new();
    let engines = [stage.engine(), stage.engine()];
    let requests: Vec<_> = (0..20)
        .map(|number| {
            let engine = engines[number % 2].clone();
            tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap().unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay).count(), 1);
    for answer in &answers {
        assert_eq!(body(answer), body(&answers[0]));
    }
    assert_eq!(stage.acquirer.contacts().len(), 1);
}
