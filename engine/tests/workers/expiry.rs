//! Authorizations that run out.

use std::time::Duration;

use daybook_engine::acquirer::InquiryAnswer;
use daybook_engine::ids::Partition;
use daybook_engine::payment::{PaymentStatus, Verb};
use daybook_engine::work::{WorkCounts, WorkStore};

use crate::rounds::{approve, request_capture, settle, settle_after};
use crate::scripted::unknown;
use crate::stage::{Stage, amount, authorized};

const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

async fn counts(stage: &Stage) -> WorkCounts {
    let partitions: Vec<_> = Partition::all(4).collect();
    stage.work.counts(&partitions).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_captured_in_a_week_expires_then_and_not_before() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let mut payments = Vec::new();
    for number in 0..5 {
        payments.push(authorized(&engine, &format!("order-{number}"), 1000).await);
    }
    settle_after(&stage, &workers, WEEK - MOMENT).await;
    assert_eq!(stage.events().await, 10);
    settle_after(&stage, &workers, MOMENT).await;
    for id in payments {
        assert_eq!(stage.types(id).await[2..], ["expired"]);
    }
    settle_after(&stage, &workers, WEEK).await;
    assert_eq!(stage.events().await, 15);
    assert!(stage.acquirer.contacts().iter().all(|contact| contact.verb == Verb::Authorize));
}

#[tokio::test(start_paused = true)]
async fn a_captured_payment_has_nothing_to_expire() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    request_capture(&engine, id, "capture-1", 1000).await;
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, WEEK).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "captured");
    let counts = counts(&stage).await;
    assert_eq!((counts.expiries_due, counts.expiries_waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_expiry_waits_for_a_pending_capture_and_comes_back_at_its_outcome() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    settle_after(&stage, &workers, WEEK - HOUR).await;
    stage.acquirer.answer(Verb::Capture, unknown());
    request_capture(&engine, id, "capture-1", 600).await;
    settle(&stage, &workers).await;
    stage.acquirer.answer_inquiry(Verb::Capture, InquiryAnswer::Pending);
    settle_after(&stage, &workers, HOUR).await;
    assert_eq!(stage.types(id).await.last().unwrap(), "operation_unknown");
    assert_eq!(counts(&stage).await.expiries_waiting, 1);
    // The next inquiry finds the outcome, and the expiry follows without any wait of its own.
    settle_after(&stage, &workers, Duration::from_secs(10)).await;
    let types = stage.types(id).await;
    assert_eq!(types[types.len() - 2..], ["captured", "expired"]);
    let view = engine.payment(id).await.unwrap().unwrap();
    let payment = &view.snapshot.payment;
    assert_eq!(payment.status(), PaymentStatus::Captured);
    assert_eq!(payment.amount_captured(), amount(600));
    let counts = counts(&stage).await;
    assert_eq!((counts.expiries_due, counts.expiries_waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_expiry_refused_by_a_capture_not_folded_yet_is_not_lost() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    settle(&stage, &workers).await;
    stage.advance(WEEK - MOMENT);
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    stage.advance(MOMENT);
    // These workers meet the expiry while the capture is open in the ledger alone.
    let partitions: Vec<_> = Partition::all(4).collect();
    let due = stage.work.due_expiries(&partitions, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    let refused = engine.expire(id).await.unwrap();
    assert_eq!(refused, daybook_engine::engine::Expiry::Waits);
    let settled = [(due[0], daybook_engine::work::ExpiryEnd::Waits)];
    stage.work.settle_expiries(&settled).await.unwrap();
    approve(&engine, id, operation, 600).await;
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, Duration::from_secs(1)).await;
    let types = stage.types(id).await;
    assert_eq!(types[types.len() - 2..], ["captured", "expired"]);
}
