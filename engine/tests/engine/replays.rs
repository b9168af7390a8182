//! A repeated request is answered like the first, whatever has happened since.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::acquirer::simulator::{Simulator, SimulatorSettings};
use daybook_engine::engine::{Answer, AuthorizeRequest, EngineSettings, RefundRequest};
use daybook_engine::event_text::TextName;
use daybook_engine::ledger::Erasure;
use daybook_engine::payment::{CaptureMethod, PaymentStatus, Rejection};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{
    LONG, Stage, amount, authorize, authorized, body, capture, refund, rejection, void,
};

/// An engine on the simulator, and workers that run until the guard is dropped.
fn simulated(stage: &Stage) -> (Engine, DropGuard) {
    let simulator = Arc::new(Simulator::new(SimulatorSettings::default(), stage.clock.clone()));
    let engine = stage.engine_calling(simulator.clone(), EngineSettings::default());
    let workers = stage.workers_calling(simulator, &engine, stage.work.clone());
    let stop = CancellationToken::new();
    let running = stop.clone();
    tokio::spawn(async move { workers.run(running).await });
    (engine, stop.drop_guard())
}

fn with_texts(name: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        reference: Some("invoice 7".into()),
        metadata: Some(r#"{"basket":"b-1"}"#.into()),
        ..authorize(name, 1000)
    }
}

fn with_reason(request: RefundRequest, reason: &str) -> RefundRequest {
    RefundRequest { reason: Some(reason.into()), ..request }
}

fn assert_same(what: &str, first: &Answer, again: &Answer) {
    assert!(!first.is_replay && again.is_replay, "{what}");
    assert!(first.is_concluded(), "{what}: {first:?}");
    assert_eq!(body(first), body(again), "{what}");
}

#[tokio::test(start_paused = true)]
async fn every_verbs_repeat_is_answered_like_the_first_after_later_events() {
    let stage = Stage::new();
    let (engine, _running) = simulated(&stage);
    let first = engine.authorize(with_texts("order-1"), LONG).await.unwrap();
    let id = first.view.snapshot.payment_id;
    let tick = || stage.clock.advance_millis(1_000);
    tick();
    let captured = engine.capture(capture(id, "capture-1", 600), LONG).await.unwrap();
    tick();
    let returned = with_reason(refund(id, "refund-1", 200), "too small");
    let refunded = engine.refund(returned.clone(), LONG).await.unwrap();
    tick();
    let voided = engine.void(void(id, "void-1"), LONG).await.unwrap();
    tick();
    engine.refund(with_reason(refund(id, "refund-2", 100), "late"), LONG).await.unwrap();

    for engine in [engine, stage.engine()] {
        let again = engine.authorize(with_texts("order-1"), LONG).await.unwrap();
        assert_same("authorize", &first, &again);
        let again = engine.capture(capture(id, "capture-1", 600), LONG).await.unwrap();
        assert_same("capture", &captured, &again);
        let again = engine.refund(returned.clone(), LONG).await.unwrap();
        assert_same("refund", &refunded, &again);
        let again = engine.void(void(id, "void-1"), LONG).await.unwrap();
        assert_same("void", &voided, &again);
    }
    assert!(body(&refunded).contains("too small"), "{}", body(&refunded));
}

#[tokio::test(start_paused = true)]
async fn a_sale_is_answered_with_its_capture_requested_now_and_at_every_repeat() {
    let stage = Stage::new();
    let (engine, _running) = simulated(&stage);
    let sale =
        AuthorizeRequest { capture_method: CaptureMethod::Automatic, ..authorize("order-1", 1000) };
    let first = engine.authorize(sale.clone(), LONG).await.unwrap();
    let payment = &first.view.snapshot.payment;
    assert_eq!(payment.status(), PaymentStatus::CaptureRequested);
    let id = first.view.snapshot.payment_id;
    crate::stage::until("the capture", async || {
        stage.types(id).await.last().is_some_and(|last| last == "captured")
    })
    .await;
    for engine in [engine, stage.engine()] {
        let again = engine.authorize(sale.clone(), LONG).await.unwrap();
        assert_same("sale", &first, &again);
    }
}

#[tokio::test(start_paused = true)]
async fn a_decline_is_repeated_and_not_tried_again() {
    let stage = Stage::new();
    let (engine, _running) = simulated(&stage);
    let request = authorize("order-1", 999_000_001);
    let first = engine.authorize(request.clone(), LONG).await.unwrap();
    let payment = &first.view.snapshot.payment;
    assert_eq!(payment.decline_code.as_deref(), Some("INSUFFICIENT_FUNDS"));
    for engine in [engine, stage.engine()] {
        let again = engine.authorize(request.clone(), LONG).await.unwrap();
        assert_same("decline", &first, &again);
    }
    // The other engine's acquirer would have been this one.
    assert_eq!(stage.acquirer.contacts(), Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_key_used_for_another_request_is_refused_and_nothing_is_recorded() {
    let stage = Stage::new();
    let (engine, _running) = simulated(&stage);
    let id = engine.authorize(with_texts("order-1"), LONG).await.unwrap().view.snapshot.payment_id;
    engine.capture(capture(id, "capture-1", 600), LONG).await.unwrap();
    let reason = with_reason(refund(id, "refund-1", 200), "too small");
    engine.refund(reason, LONG).await.unwrap();
    let before = stage.events().await;
    for engine in [engine, stage.engine()] {
        let other_amount = AuthorizeRequest { amount: amount(1001), ..with_texts("order-1") };
        let other_reference =
            AuthorizeRequest { reference: Some("invoice 8".into()), ..with_texts("order-1") };
        for request in [other_amount, other_reference, authorize("order-1", 1000)] {
            let refused = engine.authorize(request.clone(), LONG).await;
            assert_eq!(rejection(refused), Rejection::KeyReused, "{request:?}");
        }
        let refused = engine.capture(capture(id, "capture-1", 601), LONG).await;
        assert_eq!(rejection(refused), Rejection::KeyReused, "another amount");
        let refused = engine.capture(capture(id, "order-1", 100), LONG).await;
        assert_eq!(rejection(refused), Rejection::KeyReused, "the creating key");
        let refused = engine.void(void(id, "capture-1"), LONG).await;
        assert_eq!(rejection(refused), Rejection::KeyReused, "another verb");
        let other = with_reason(refund(id, "refund-1", 200), "too large");
        assert_eq!(rejection(engine.refund(other, LONG).await), Rejection::KeyReused);
    }
    assert_eq!(stage.events().await, before);
}

#[tokio::test(start_paused = true)]
async fn an_erased_text_is_null_in_a_repeat_and_nothing_else_changes() {
    let stage = Stage::new();
    let (engine, _running) = simulated(&stage);
    let first = engine.authorize(with_texts("order-1"), LONG).await.unwrap();
    let id = first.view.snapshot.payment_id;
    engine.capture(capture(id, "capture-1", 600), LONG).await.unwrap();
    let request = with_reason(refund(id, "refund-1", 200), "too small");
    let refunded = engine.refund(request.clone(), LONG).await.unwrap();
    stage.ledger.erase(id, &TextName::ALL).await.unwrap();
    for engine in [engine, stage.engine()] {
        let again = engine.authorize(with_texts("order-1"), LONG).await.unwrap();
        assert_eq!(value(&again), erased(&first));
        let again = engine.refund(request.clone(), LONG).await.unwrap();
        assert_eq!(value(&again), erased(&refunded));
        assert_eq!(value(&again)["refunds"][0]["reason"], Value::Null);
        // What was not erased is still compared.
        let other = AuthorizeRequest { amount: amount(1), ..with_texts("order-1") };
        assert_eq!(rejection(engine.authorize(other, LONG).await), Rejection::KeyReused);
    }
}

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&body(answer)).unwrap()
}

fn erased(answer: &Answer) -> Value {
    let mut value = value(answer);
    assert_ne!(value["reference"], Value::Null);
    assert_ne!(value["metadata"], Value::Null);
    value["reference"] = Value::Null;
    value["metadata"] = Value::Null;
    for refund in value["refunds"].as_array_mut().unwrap() {
        assert_ne!(refund["reason"], Value::Null);
        refund["reason"] = Value::Null;
    }
    value
}

#[tokio::test(start_paused = true)]
async fn a_repeat_waits_no_longer_than_it_was_asked_to() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    for is_replay in [false, true] {
        let wait = Duration::from_secs(2);
        let asked_at = tokio::time::Instant::now();
        let answer = engine.capture(capture(id, "capture-1", 600), wait).await.unwrap();
        assert_eq!((answer.is_replay, answer.is_concluded()), (is_replay, false));
        assert_eq!(asked_at.elapsed(), wait);
    }
}
