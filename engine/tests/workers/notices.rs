//! Answers that come by themselves, taken beside the running workers.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::acquirer::{CallAnswer, Notice};
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::payment::{PaymentStatus, Verb};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rounds::request_capture;
use crate::scripted::{approval, failure, unknown};
use crate::stage::{Stage, amount, authorize, authorized, until};

fn run(stage: &Stage, engine: &Engine) -> (CancellationToken, JoinHandle<()>) {
    let (workers, notices) = (stage.workers(engine), stage.notices(engine));
    let stop = CancellationToken::new();
    let running = stop.clone();
    let both = async move {
        tokio::join!(workers.run(running.clone()), notices.run(running));
    };
    (stop, tokio::spawn(both))
}

async fn last_is(stage: &Stage, id: PaymentId, name: &str) {
    until(name, async || stage.types(id).await.last().is_some_and(|last| last == name)).await;
}

/// A payment whose capture failed, by the acquirer's first word.
async fn failed_capture(stage: &Stage, engine: &Engine) -> (PaymentId, OperationId) {
    let id = authorized(engine, "order-1", 1000).await;
    stage.acquirer.answer(Verb::Capture, CallAnswer::Concluded(failure("SYSTEM_ERROR")));
    let operation = request_capture(engine, id, "capture-1", 600).await;
    last_is(stage, id, "capture_failed").await;
    (id, operation)
}

fn approved(payment_id: PaymentId, operation_id: OperationId) -> Notice {
    Notice { payment_id, operation_id, outcome: approval(amount(600), "tx-late") }
}

#[tokio::test(start_paused = true)]
async fn a_late_contradiction_is_posted_once_however_often_it_comes() {
    let stage = Stage::new();
    let engine = stage.engine();
    let (stop, running) = run(&stage, &engine);
    let (id, operation) = failed_capture(&stage, &engine).await;
    for _ in 0..3 {
        stage.acquirer.notify(approved(id, operation)).await;
    }
    last_is(&stage, id, "late_outcome").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let types = stage.types(id).await;
    assert_eq!(types.iter().filter(|name| *name == "late_outcome").count(), 1, "{types:?}");
    assert_eq!(stage.metrics.late_outcomes.get(), 1);
    let view = engine.payment(id).await.unwrap().unwrap();
    assert_eq!(view.snapshot.payment.amount_captured(), amount(600));
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_repeats_a_known_outcome_is_nothing_new() {
    let stage = Stage::new();
    let engine = stage.engine();
    let (stop, running) = run(&stage, &engine);
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    last_is(&stage, id, "captured").await;
    let before = stage.events().await;
    stage.acquirer.notify(approved(id, operation)).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(stage.events().await, before);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_late_notice_that_meets_an_unavailable_ledger_is_recorded_later() {
    let stage = Stage::new();
    let engine = stage.engine();
    let (stop, running) = run(&stage, &engine);
    let (id, operation) = failed_capture(&stage, &engine).await;
    stage.faulty.fail_appends(3);
    stage.acquirer.notify(approved(id, operation)).await;
    last_is(&stage, id, "late_outcome").await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_notice_concludes_an_operation_whose_call_had_no_answer() {
    let stage = Stage::new();
    let engine = stage.engine();
    let (stop, running) = run(&stage, &engine);
    stage.acquirer.answer(Verb::Authorize, unknown());
    let answer = engine.authorize(authorize("order-1", 600), Duration::from_millis(1)).await;
    let answer = answer.unwrap();
    assert!(!answer.is_concluded());
    let id = answer.view.snapshot.payment_id;
    stage.acquirer.notify(approved(id, answer.operation_id)).await;
    last_is(&stage, id, "authorized").await;
    let view = engine.payment(id).await.unwrap().unwrap();
    assert_eq!(view.snapshot.payment.status(), PaymentStatus::Authorized);
    assert_eq!(stage.acquirer.inquiries(Verb::Authorize), []);
    stop.cancel();
    running.await.unwrap();
}
