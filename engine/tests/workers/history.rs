//! Work rows are a fold of the ledger: they can be lost, and they must be of this very ledger.

use std::time::Duration;

use daybook_engine::payment::Verb;
use daybook_engine::workers::WorkerError;
use tokio_util::sync::CancellationToken;

use crate::rounds::{request_capture, settle, settle_after};
use crate::scripted::unknown;
use crate::stage::{LONG, Stage, authorized};

#[tokio::test(start_paused = true)]
async fn lost_work_rows_are_rebuilt_and_nothing_concluded_is_called_again() {
    let mut stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let concluded = authorized(&engine, "order-1", 1000).await;
    request_capture(&engine, concluded, "capture-1", 600).await;
    let unanswered = authorized(&engine, "order-2", 1000).await;
    settle(&stage, &workers).await;
    stage.acquirer.answer(Verb::Capture, unknown());
    let asked = request_capture(&engine, unanswered, "capture-2", 600).await;
    settle(&stage, &workers).await;
    drop(workers);
    let never_called = authorized(&engine, "order-3", 1000).await;
    let called = request_capture(&engine, never_called, "capture-3", 600).await;
    let before = stage.acquirer.contacts().len();

    stage.lose_work();
    let workers = stage.workers(&engine);
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, Duration::from_secs(2)).await;
    settle_after(&stage, &workers, Duration::from_secs(3_600)).await;
    let contacts = stage.acquirer.contacts().split_off(before);
    let ids: Vec<_> = contacts.iter().map(|contact| contact.operation_id).collect();
    assert_eq!(ids, [called, asked], "{contacts:?}");
    assert_eq!(stage.acquirer.inquiries(Verb::Capture), [asked]);
    for id in [concluded, unanswered, never_called] {
        assert_eq!(stage.types(id).await.last().unwrap(), "captured");
    }
    assert_eq!(stage.work.items(), []);
    // The expiries are back as well.
    assert_eq!(stage.work.expiries().len(), 3);
}

/// A stage whose work rows come from another ledger with `events` authorized payments.
async fn on_another_ledger(payments: usize) -> (Stage, Stage) {
    let other = Stage::seeded(2, 1);
    let engine = other.engine();
    for number in 0..payments {
        authorized(&engine, &format!("order-{number}"), 1000).await;
    }
    settle(&other, &other.workers(&engine)).await;
    let mut stage = Stage::seeded(1, 1);
    stage.work = other.work.clone();
    (stage, other)
}

#[tokio::test(start_paused = true)]
async fn workers_stop_for_good_on_a_ledger_that_is_not_the_one_they_followed() {
    // Two events followed; this ledger ends before them, or holds others there.
    for payments_here in [0, 1, 2] {
        let (stage, _other) = on_another_ledger(1).await;
        let engine = stage.engine();
        for number in 0..payments_here {
            let id = authorized(&engine, &format!("mine-{number}"), 1000).await;
            request_capture(&engine, id, "capture-1", 600).await;
        }
        let before = stage.events().await;
        let workers = stage.workers(&engine);
        let error = workers.work_once().await.unwrap_err();
        assert!(matches!(error, WorkerError::Diverged(_)), "{error:?}");
        assert!(error.to_string().contains("LEDGER_DIVERGED"), "{error}");

        let run = workers.run(CancellationToken::new());
        tokio::time::timeout(LONG, run).await.expect("it ends by itself");
        assert!(!workers.is_running());
        assert_eq!(stage.acquirer.calls(Verb::Capture), [], "with {payments_here} payments");
        assert_eq!(stage.events().await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_meet_an_unavailable_store_go_on_when_it_is_back() {
    let stage = Stage::new();
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    stage.faulty.fail_reads(3);
    let stop = CancellationToken::new();
    let running = {
        let (workers, stop) = (workers.clone(), stop.clone());
        tokio::spawn(async move { workers.run(stop).await })
    };
    crate::stage::until("the capture", async || {
        stage.types(id).await.last().is_some_and(|last| last == "captured")
    })
    .await;
    assert!(workers.is_running());
    stop.cancel();
    running.await.unwrap();
    assert!(!workers.is_running());
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
}
