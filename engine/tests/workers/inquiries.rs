//! Operations whose call had no answer: asked about on schedule, never failed by the clock.

use std::time::Duration;

use daybook_engine::acquirer::{InquiryAnswer, Notice};
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::payment::{PaymentStatus, Verb};
use daybook_engine::work::WorkStore;
use daybook_engine::workers::Workers;

use crate::rounds::{request_capture, settle, settle_after};
use crate::scripted::{approval, failure, unknown};
use crate::stage::{LONG, Stage, amount, authorize, authorized};

const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn pending(stage: &Stage, verb: Verb, times: usize) {
    for _ in 0..times {
        stage.acquirer.answer_inquiry(verb, InquiryAnswer::Pending);
    }
}

fn not_found(stage: &Stage, verb: Verb, times: usize) {
    for _ in 0..times {
        stage.acquirer.answer_inquiry(verb, InquiryAnswer::NotFound);
    }
}

/// A payment whose capture was called and had no answer.
async fn unknown_capture(stage: &Stage) -> (Workers, PaymentId, OperationId) {
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    stage.acquirer.answer(Verb::Capture, unknown());
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    settle(stage, &workers).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "operation_unknown");
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
    (workers, id, operation)
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_call_is_asked_about_on_schedule_until_it_has_an_outcome() {
    let stage = Stage::new();
    let (workers, id, operation) = unknown_capture(&stage).await;
    let waits = [2, 10, 30, 120, 600, 3_600, 3_600].map(Duration::from_secs);
    pending(&stage, Verb::Capture, waits.len() - 1);
    for (asked, wait) in waits.into_iter().enumerate() {
        settle_after(&stage, &workers, wait - MOMENT).await;
        assert_eq!(stage.acquirer.inquiries(Verb::Capture).len(), asked, "before {wait:?}");
        assert_eq!(stage.types(id).await.last().unwrap(), "operation_unknown");
        settle_after(&stage, &workers, MOMENT).await;
        assert_eq!(stage.acquirer.inquiries(Verb::Capture).len(), asked + 1, "after {wait:?}");
    }
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [operation; 7]);
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation], "it is never sent again");
}

#[tokio::test(start_paused = true)]
async fn a_failure_found_by_an_inquiry_ends_the_operation() {
    let stage = Stage::new();
    let (workers, id, _) = unknown_capture(&stage).await;
    let failed = InquiryAnswer::Concluded(failure("SYSTEM_ERROR"));
    stage.acquirer.answer_inquiry(Verb::Capture, failed);
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "capture_failed");
    assert_eq!(stage.work.items(), []);
}

#[tokio::test(start_paused = true)]
async fn not_found_counts_only_after_the_processing_time_and_then_sends_the_same_id_again() {
    let stage = Stage::new();
    let (workers, id, operation) = unknown_capture(&stage).await;
    not_found(&stage, Verb::Capture, 20);
    let before = stage.types(id).await;
    // The acquirer's longest processing time is 30 seconds.
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [operation]);
    settle_after(&stage, &workers, Duration::from_secs(28) - MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation], "too early");
    assert_eq!(stage.types(id).await, before);
    settle_after(&stage, &workers, MOMENT).await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation; 2]);
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
}

#[tokio::test(start_paused = true)]
async fn an_authorization_not_found_is_declined_only_after_the_processing_time() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    stage.acquirer.answer(Verb::Authorize, unknown());
    not_found(&stage, Verb::Authorize, 20);
    let answer = engine.authorize(authorize("order-1", 1000), MOMENT).await.unwrap();
    let (id, operation) = (answer.view.snapshot.payment_id, answer.operation_id);
    settle(&stage, &workers).await;
    let before = stage.types(id).await;
    assert_eq!(before, ["authorization_requested", "operation_unknown"]);
    // It could be sent for five seconds, and be processed for thirty after that.
    for second in 1..35 {
        settle_after(&stage, &workers, Duration::from_secs(1)).await;
        assert_eq!(stage.types(id).await, before, "after {second} s");
    }
    settle_after(&stage, &workers, Duration::from_secs(1)).await;
    let view = engine.payment(id).await.unwrap().unwrap();
    let payment = &view.snapshot.payment;
    assert_eq!(payment.decline_code.as_deref(), Some("ACQUIRER_NOT_REACHED"));
    assert_eq!(stage.acquirer.calls(Verb::Authorize), [operation], "it is never sent again");
    // The request repeated is answered with that.
    let repeat = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert_eq!(repeat.view.snapshot.payment.status(), PaymentStatus::Declined);
}

#[tokio::test(start_paused = true)]
async fn an_authorization_whose_process_died_before_its_call_is_asked_about_and_never_sent() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    stage.faulty.block_appends();
    let request = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    stage.faulty.release_appends();
    settle(&stage, &workers).await;
    assert_eq!(stage.events().await, 1);
    not_found(&stage, Verb::Authorize, 20);
    // The process that recorded it may be calling until the window and a call are over.
    settle_after(&stage, &workers, Duration::from_secs(10) - MOMENT).await;
    assert_eq!(stage.acquirer.contacts(), []);
    settle_after(&stage, &workers, MOMENT).await;
    assert_eq!(stage.acquirer.inquiries(Verb::Authorize).len(), 1);
    settle_after(&stage, &workers, Duration::from_secs(25)).await;
    assert_eq!(stage.acquirer.calls(Verb::Authorize), []);
    let repeat = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert!(repeat.is_replay);
    assert_eq!(repeat.view.snapshot.payment.status(), PaymentStatus::Declined);
}

#[tokio::test(start_paused = true)]
async fn an_operation_older_than_the_key_lifetime_is_only_asked_about() {
    let day = 24 * HOUR;
    for (age, is_called) in [(day - MOMENT, true), (day, false)] {
        let stage = Stage::new();
        let engine = stage.engine();
        let workers = stage.workers(&engine);
        let id = authorized(&engine, "order-1", 1000).await;
        let operation = request_capture(&engine, id, "capture-1", 600).await;
        not_found(&stage, Verb::Capture, 20);
        settle_after(&stage, &workers, age).await;
        for _ in 0..5 {
            settle_after(&stage, &workers, HOUR).await;
        }
        let calls = stage.acquirer.calls(Verb::Capture);
        let inquiries = stage.acquirer.inquiries(Verb::Capture);
        if is_called {
            assert_eq!((calls, inquiries.len()), (vec![operation], 0), "{age:?}");
        } else {
            assert_eq!(calls, [], "{age:?}");
            assert!(inquiries.len() >= 5 && inquiries.iter().all(|asked| *asked == operation));
            assert_eq!(stage.types(id).await.last().unwrap(), "capture_requested");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_open_for_a_day_is_flagged_for_people_and_still_not_failed() {
    let stage = Stage::new();
    let (workers, id, _) = unknown_capture(&stage).await;
    pending(&stage, Verb::Capture, 60);
    let partitions: Vec<_> = Partition::all(4).collect();
    let mut hours = 0;
    let mut flagged_after = None;
    while hours < 30 {
        settle_after(&stage, &workers, HOUR).await;
        hours += 1;
        if stage.work.counts(&partitions).await.unwrap().flagged == 1 {
            flagged_after.get_or_insert(hours);
        }
    }
    assert!(matches!(flagged_after, Some(24..=25)), "{flagged_after:?} hours");
    assert_eq!(stage.types(id).await.last().unwrap(), "operation_unknown");
    // Its amount stays counted, and it goes on being asked about.
    let view = stage.engine().payment(id).await.unwrap().unwrap();
    assert_eq!(view.snapshot.payment.amount_capture_pending(), amount(600));
    let asked = stage.acquirer.inquiries(Verb::Capture).len();
    settle_after(&stage, &workers, HOUR).await;
    assert!(stage.acquirer.inquiries(Verb::Capture).len() > asked);
}

/// A payment declined as never reached, whose authorization was approved after all: it has a
/// reversal to be called.
async fn reversal(stage: &Stage) -> (Workers, PaymentId) {
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    stage.acquirer.answer(Verb::Authorize, unknown());
    not_found(stage, Verb::Authorize, 20);
    let answer = engine.authorize(authorize("order-1", 1000), MOMENT).await.unwrap();
    let payment_id = answer.view.snapshot.payment_id;
    settle(stage, &workers).await;
    settle_after(stage, &workers, Duration::from_secs(60)).await;
    assert_eq!(stage.types(payment_id).await.last().unwrap(), "declined");
    let outcome = approval(amount(1000), "tx-late");
    let notice = Notice { payment_id, operation_id: answer.operation_id, outcome };
    stage.notices(&engine).record(notice).await.unwrap();
    let types = stage.types(payment_id).await;
    assert_eq!(types[types.len() - 2..], ["late_outcome", "reversal_requested"]);
    (workers, payment_id)
}

#[tokio::test(start_paused = true)]
async fn an_authorization_approved_late_is_reversed_with_the_acquirer() {
    let stage = Stage::new();
    let (workers, id) = reversal(&stage).await;
    settle(&stage, &workers).await;
    assert_eq!(stage.acquirer.calls(Verb::Reverse).len(), 1);
    assert_eq!(stage.types(id).await.last().unwrap(), "reversed");
    assert_eq!(stage.work.items(), []);
}

#[tokio::test(start_paused = true)]
async fn a_reversal_that_an_inquiry_finds_failed_is_sent_again_under_the_same_id() {
    let stage = Stage::new();
    let (workers, id) = reversal(&stage).await;
    stage.acquirer.answer(Verb::Reverse, unknown());
    settle(&stage, &workers).await;
    let failed = InquiryAnswer::Concluded(failure("SYSTEM_ERROR"));
    stage.acquirer.answer_inquiry(Verb::Reverse, failed);
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    assert_eq!(stage.acquirer.inquiries(Verb::Reverse).len(), 1);
    let calls = stage.acquirer.calls(Verb::Reverse);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
    assert_eq!(stage.types(id).await.last().unwrap(), "reversed");
}

#[tokio::test(start_paused = true)]
async fn a_refused_reversal_is_called_again_until_it_succeeds() {
    let stage = Stage::new();
    let (workers, id) = reversal(&stage).await;
    for _ in 0..2 {
        let failed = daybook_engine::acquirer::CallAnswer::Concluded(failure("SYSTEM_ERROR"));
        stage.acquirer.answer(Verb::Reverse, failed);
    }
    settle(&stage, &workers).await;
    for wait in [2, 10] {
        assert_eq!(stage.types(id).await.last().unwrap(), "reversal_requested");
        settle_after(&stage, &workers, Duration::from_secs(wait)).await;
    }
    assert_eq!(stage.acquirer.calls(Verb::Reverse).len(), 3);
    assert_eq!(stage.types(id).await.last().unwrap(), "reversed");
}
