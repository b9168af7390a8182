//! Who may call, when, and how often.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::acquirer::CallAnswer;
use daybook_engine::engine::EngineSettings;
use daybook_engine::payment::{PaymentStatus, Verb};
use daybook_engine::workers::Workers;

use crate::rounds::{approve, request_capture, settle, settle_after};
use crate::stage::{LONG, Stage, amount, authorized, capture, refund, until, void};
use crate::troubled::{Trouble, Troubled};

#[tokio::test(start_paused = true)]
async fn a_capture_is_called_once_and_recorded() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    settle(&stage, &workers).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), []);
    let types = stage.types(id).await;
    assert_eq!(types, ["authorization_requested", "authorized", "capture_requested", "captured"]);
    assert_eq!(stage.work.items(), []);
    // And not again later.
    settle_after(&stage, &workers, Duration::from_secs(3_600)).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
}

#[tokio::test(start_paused = true)]
async fn a_definite_failure_ends_the_operation_and_is_not_called_again() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    let failed = CallAnswer::Concluded(crate::scripted::failure("SYSTEM_ERROR"));
    stage.acquirer.answer(Verb::Capture, failed);
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, Duration::from_secs(3_600)).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
    assert_eq!(stage.types(id).await.last().unwrap(), "capture_failed");
}

#[tokio::test(start_paused = true)]
async fn two_workers_never_have_two_operations_of_one_payment_with_the_acquirer() {
    let stage = Stage::new();
    let engines = [stage.engine(), stage.engine()];
    let workers = engines.each_ref().map(|engine| stage.workers(engine));
    let mut payments = Vec::new();
    for number in 0..5 {
        let id = authorized(&engines[0], &format!("order-{number}"), 1000).await;
        for part in 0..4 {
            request_capture(&engines[part % 2], id, &format!("capture-{part}"), 100).await;
        }
        payments.push(id);
    }
    // The acquirer reports any two operations of one payment that meet there.
    until("every capture", async || {
        let (first, second) = tokio::join!(workers[0].work_once(), workers[1].work_once());
        first.unwrap();
        second.unwrap();
        stage.acquirer.calls(Verb::Capture).len() == 20 && stage.work.items().is_empty()
    })
    .await;
    let mut called = stage.acquirer.calls(Verb::Capture);
    called.sort();
    called.dedup();
    assert_eq!(called.len(), 20, "each once");
    for id in payments {
        let view = engines[0].payment(id).await.unwrap().unwrap();
        let payment = &view.snapshot.payment;
        assert_eq!(payment.amount_captured().minor(), 400);
        let contacts = stage.acquirer.contacts();
        let of_payment = contacts.iter().filter(|c| c.payment_id == id && c.verb == Verb::Capture);
        let order: Vec<_> = of_payment.map(|contact| contact.operation_id).collect();
        let captures = payment.operations.iter().filter(|o| o.verb == Verb::Capture);
        let asked: Vec<_> = captures.map(|operation| operation.id).collect();
        assert_eq!(order, asked, "in version order");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_operation_waits_behind_one_without_an_outcome() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    stage.acquirer.answer(Verb::Capture, crate::scripted::unknown());
    let first = request_capture(&engine, id, "capture-1", 100).await;
    let second = request_capture(&engine, id, "capture-2", 100).await;
    settle(&stage, &workers).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [first]);
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [first]);
    assert_eq!(stage.acquirer.calls(Verb::Capture), [first, second]);
}

#[tokio::test(start_paused = true)]
async fn workers_that_never_learn_what_became_of_a_fold_and_a_claim_go_on() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    let workers = in_trouble(&stage, &engine, Trouble::LosesFirstAnswers);
    for lost in ["the fold", "the claim"] {
        let error = workers.work_once().await.unwrap_err();
        assert!(error.to_string().contains("store"), "{lost}: {error}");
    }
    settle(&stage, &workers).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [], "nobody knows of the claim");
    settle_after(&stage, &workers, HOLD).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
    assert_eq!(stage.work.items(), []);
}

/// The longest that a claim holds: the send window, and three times a call.
const HOLD: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(1);

fn in_trouble(stage: &Stage, engine: &Engine, trouble: Trouble) -> Workers {
    let store = Arc::new(Troubled::new(stage.work.clone(), trouble));
    stage.workers_calling(stage.acquirer.clone(), engine, store)
}

#[tokio::test(start_paused = true)]
async fn an_operation_concluded_in_the_ledger_is_not_called_by_a_row_that_lags_behind() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    in_trouble(&stage, &engine, Trouble::DiesAtClaims).work_once().await.unwrap();
    approve(&engine, id, operation, 600).await;
    assert_eq!(stage.work.items().len(), 1, "the row knows nothing of it");
    let lagging = in_trouble(&stage, &engine, Trouble::FoldsNothing);
    settle_after(&stage, &lagging, HOLD).await;
    let claimed = &stage.work.items()[0];
    assert_eq!(claimed.attempts, 1, "it was claimed, looked at and put back");
    assert_eq!(stage.acquirer.calls(Verb::Capture), []);
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), []);
    settle(&stage, &stage.workers(&engine)).await;
    assert_eq!(stage.work.items(), []);
}

#[tokio::test(start_paused = true)]
async fn the_claim_of_a_process_that_died_before_its_call_is_taken_over_when_it_ran_out() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    in_trouble(&stage, &engine, Trouble::DiesAtClaims).work_once().await.unwrap();

    let workers = stage.workers(&engine);
    settle_after(&stage, &workers, HOLD - MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [], "the claim still holds");
    settle_after(&stage, &workers, MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
}

#[tokio::test(start_paused = true)]
async fn the_claim_of_a_process_that_died_after_its_call_is_taken_over_under_the_same_id() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    // It calls, and never gets as far as recording what came of it.
    let dead = stage.beside();
    dead.faulty.block_appends();
    let engine_of_dead = dead.engine();
    dead.workers(&engine_of_dead).work_once().await.unwrap();
    dead.faulty.appends_waiting(1).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);

    let workers = stage.workers(&engine);
    settle_after(&stage, &workers, HOLD - MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation], "the claim still holds");
    settle_after(&stage, &workers, MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation; 2]);
    let recorded = stage.types(id).await;
    assert_eq!(recorded.last().unwrap(), "captured");
    // It was only asleep: the outcome stands there already and is not recorded twice.
    dead.faulty.release_appends();
    settle(&stage, &workers).await;
    assert_eq!(stage.types(id).await, recorded);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_that_is_recorded_late_leaves_the_newer_claim_to_its_holder() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    // It calls, is not answered, and stands still before it can record that.
    stage.acquirer.answer(Verb::Capture, crate::scripted::unknown());
    let late = stage.beside();
    late.faulty.block_appends();
    let engine_of_late = late.engine();
    late.workers(&engine_of_late).work_once().await.unwrap();
    late.faulty.appends_waiting(1).await;
    // Its claim runs out, and another worker is with the acquirer when it goes on.
    let workers = stage.workers(&engine);
    stage.acquirer.hold_calls();
    settle_after(&stage, &workers, HOLD).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation; 2]);
    late.faulty.release_appends();
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "operation_unknown");
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [], "nobody else takes the operation");
    stage.acquirer.release_calls();
    settle(&stage, &workers).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_past_its_send_window_is_not_made_under_that_claim() {
    let stage = Stage::new();
    let engine = stage.engine_with(EngineSettings { queue_max: 2, ..EngineSettings::default() });
    let workers = stage.workers(&engine);
    let mut payments = Vec::new();
    for name in ["order-1", "order-2", "order-3"] {
        payments.push(authorized(&engine, name, 1000).await);
    }
    let operation = request_capture(&engine, payments[0], "capture-1", 600).await;
    // Two other captures take all room, so that there is none for the outcome of a call.
    stage.faulty.block_appends();
    let others: Vec<_> = payments[1..]
        .iter()
        .map(|id| {
            let (engine, request) = (engine.clone(), capture(*id, "capture-1", 600));
            tokio::spawn(async move { engine.capture(request, Duration::ZERO).await })
        })
        .collect();
    stage.faulty.appends_waiting(1).await;
    workers.work_once().await.unwrap();
    // The send window is five seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.faulty.release_appends();
    for other in others {
        other.await.unwrap().unwrap();
    }
    tokio::time::sleep(LONG).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), []);
    // A new claim has a new window.
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    let calls = stage.acquirer.calls(Verb::Capture);
    assert_eq!(calls.iter().filter(|called| **called == operation).count(), 1);
    assert_eq!(calls.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn every_verb_is_called_with_its_own_intent_and_concluded() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    request_capture(&engine, id, "capture-1", 600).await;
    settle(&stage, &workers).await;
    engine.refund(refund(id, "refund-1", 200), Duration::ZERO).await.unwrap();
    engine.void(void(id, "void-1"), Duration::ZERO).await.unwrap();
    settle(&stage, &workers).await;
    let view = engine.payment(id).await.unwrap().unwrap();
    let payment = &view.snapshot.payment;
    assert_eq!(payment.status(), PaymentStatus::PartiallyRefunded);
    let amounts = (payment.amount_captured(), payment.amount_refunded(), payment.amount_voided());
    assert_eq!(amounts, (amount(600), amount(200), amount(400)));
    for verb in [Verb::Authorize, Verb::Capture, Verb::Refund, Verb::Void] {
        assert_eq!(stage.acquirer.calls(verb).len(), 1, "{verb:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_could_not_be_sent_is_repeated_under_the_same_id() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    let not_sent = CallAnswer::NotSent { cause: "NOT_CONNECTED".into() };
    stage.acquirer.answer(Verb::Capture, not_sent.clone());
    stage.acquirer.answer(Verb::Capture, not_sent);
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, Duration::from_secs(1)).await;
    settle_after(&stage, &workers, Duration::from_secs(1)).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation; 3]);
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [], "nothing was sent");
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
}
