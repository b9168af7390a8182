//! Cancelling through the engine: one key, whatever it becomes, and an answer that waits for all of it.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::engine::CancelRequest;
use daybook_engine::ids::PaymentId;
use daybook_engine::payment::{PaymentStatus, Rejection, Verb};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{LONG, Stage, authorized, body, capture, key, rejection, until, void};

fn cancel(payment_id: PaymentId, name: &str, reason: Option<&str>) -> CancelRequest {
    CancelRequest {
        payment_id,
        merchant_id: None,
        key: Some(key(name)),
        reason: reason.map(Into::into),
        traceparent: None,
    }
}

/// Workers that run until the guard is dropped.
fn worked(stage: &Stage, engine: &Engine) -> DropGuard {
    let stop = CancellationToken::new();
    let (workers, running) = (stage.workers(engine), stop.clone());
    tokio::spawn(async move { workers.run(running).await });
    stop.drop_guard()
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_cancellation_is_answered_like_the_first_whichever_it_became() {
    for (captured, events) in [
        (0, &["void_requested", "voided"] as &[_]),
        (1000, &["refund_requested", "refunded"]),
        (400, &["refund_requested", "void_requested", "refunded", "voided"]),
    ] {
        let stage = Stage::new();
        let engine = stage.engine();
        let _running = worked(&stage, &engine);
        let id = authorized(&engine, "order-1", 1000).await;
        if captured > 0 {
            engine.capture(capture(id, "capture-1", captured), LONG).await.unwrap();
        }
        let before = stage.types(id).await.len();
        let request = cancel(id, "cancel-1", Some("out of stock"));
        let first = engine.cancel(request.clone(), LONG).await.unwrap();
        assert!(first.is_concluded() && !first.is_replay, "{captured} {first:?}");
        assert_eq!(stage.types(id).await[before..], *events, "{captured}");
        let payment = &first.view.snapshot.payment;
        assert_eq!(payment.amount_voided().minor(), 1000 - captured);
        assert_eq!(payment.amount_refunded().minor(), captured);
        for engine in [engine, stage.engine()] {
            let again = engine.cancel(request.clone(), LONG).await.unwrap();
            assert_eq!(body(&again), body(&first), "{captured}");
            assert!(again.is_replay, "{captured}");
            let refused = engine.void(void(id, "cancel-1"), LONG).await;
            assert_eq!(rejection(refused), Rejection::KeyReused, "{captured}");
            let other = engine.cancel(cancel(id, "cancel-2", None), LONG).await;
            assert!(other.is_err(), "{captured}: nothing is left to give back");
        }
    }
}

/// A void has no place for a reason, so there it is neither kept nor compared.
#[tokio::test(start_paused = true)]
async fn a_reason_is_kept_and_compared_where_the_cancellation_became_a_refund() {
    for (captured, is_kept) in [(0, false), (400, true), (1000, true)] {
        let stage = Stage::new();
        let engine = stage.engine();
        let _running = worked(&stage, &engine);
        let id = authorized(&engine, "order-1", 1000).await;
        if captured > 0 {
            engine.capture(capture(id, "capture-1", captured), LONG).await.unwrap();
        }
        let request = cancel(id, "cancel-1", Some("out of stock"));
        let first = engine.cancel(request, LONG).await.unwrap();
        assert_eq!(body(&first).contains("out of stock"), is_kept, "{captured}");
        assert_eq!(stage.texts(id).await, usize::from(is_kept), "{captured}");
        let other = engine.cancel(cancel(id, "cancel-1", Some("too late")), LONG).await;
        match is_kept {
            true => assert_eq!(rejection(other), Rejection::KeyReused, "{captured}"),
            false => assert_eq!(body(&other.unwrap()), body(&first)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_waits_for_the_capture_in_its_way_and_refunds_it() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    engine.capture(capture(id, "capture-1", 1000), Duration::ZERO).await.unwrap();
    let at_once = engine.cancel(cancel(id, "cancel-1", None), Duration::ZERO).await;
    assert_eq!(rejection(at_once), Rejection::CapturePending);
    let waiting = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.cancel(cancel(id, "cancel-1", None), LONG).await })
    };
    let _running = worked(&stage, &engine);
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.view.snapshot.payment.status(), PaymentStatus::Refunded);
    assert_eq!(stage.acquirer.calls(Verb::Void), []);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_captured_between_the_refund_and_the_void_beside_it() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    {
        let _running = worked(&stage, &engine);
        engine.capture(capture(id, "capture-1", 400), LONG).await.unwrap();
    }
    let begun = engine.cancel(cancel(id, "cancel-1", None), Duration::ZERO).await.unwrap();
    assert!(!begun.is_concluded());
    let refused = engine.capture(capture(id, "capture-2", 600), LONG).await;
    assert_eq!(rejection(refused), Rejection::VoidPending);
    let _running = worked(&stage, &engine);
    until("both outcomes", async || {
        let again = engine.cancel(cancel(id, "cancel-1", None), Duration::ZERO).await.unwrap();
        again.is_concluded()
    })
    .await;
}

/// Two processes decide at once, each on what it remembers: one of the two is decided again.
#[tokio::test(start_paused = true)]
async fn a_capture_that_another_process_won_is_refunded_and_not_voided() {
    let stage = Stage::new();
    let (engine, other) = (stage.engine(), stage.beside().engine());
    let id = authorized(&engine, "order-1", 1000).await;
    let _running = worked(&stage, &other);
    other.capture(capture(id, "capture-1", 1000), LONG).await.unwrap();
    // The first engine still remembers the payment without the capture.
    let answer = engine.cancel(cancel(id, "cancel-1", None), LONG).await.unwrap();
    assert_eq!(answer.view.snapshot.payment.amount_refunded().minor(), 1000);
    assert_eq!(stage.acquirer.calls(Verb::Void), []);
}
