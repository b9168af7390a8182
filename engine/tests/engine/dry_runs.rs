//! Dry runs: the answer that the request would get, and no trace of them anywhere.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::engine::{
    AuthorizeRequest, CancelRequest, CaptureRequest, DryRun, EngineError, EngineSettings,
};
use daybook_engine::payment::{PaymentStatus, Rejection};

use crate::stage::{
    LONG, Stage, authorize, authorized, body, capture, key, refund, rejection, void,
};

async fn tried(engine: &Engine, request: DryRun) -> PaymentStatus {
    let answer = engine.dry_run(request).await.unwrap();
    assert!(!answer.is_replay && !answer.is_concluded(), "{answer:?}");
    answer.view.snapshot.payment.status()
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_payment_as_the_request_would_leave_it() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    let cancel = CancelRequest {
        payment_id: id,
        merchant_id: None,
        key: Some(key("try")),
        reason: None,
        traceparent: None,
    };
    for (request, status) in [
        (DryRun::Authorize(authorize("order-2", 1000)), PaymentStatus::Authorizing),
        (DryRun::Capture(capture(id, "try", 400)), PaymentStatus::CaptureRequested),
        (DryRun::Void(void(id, "try")), PaymentStatus::VoidRequested),
        (DryRun::Cancel(cancel), PaymentStatus::VoidRequested),
    ] {
        assert_eq!(tried(&engine, request.clone()).await, status, "{request:?}");
    }
    let refused = engine.dry_run(DryRun::Refund(refund(id, "try", 1))).await;
    assert_eq!(rejection(refused), Rejection::NothingToRefund);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_leaves_no_trace_in_ledger_cache_queue_or_acquirer() {
    let stage = Stage::new();
    let engine = stage.engine_with(EngineSettings { queue_max: 2, ..EngineSettings::default() });
    let id = authorized(&engine, "order-1", 1000).await;
    let (events, contacts) = (stage.events().await, stage.acquirer.contacts());
    tried(&engine, DryRun::Authorize(authorize("order-2", 5))).await;
    tried(&engine, DryRun::Capture(capture(id, "capture-1", 1000))).await;
    assert_eq!((stage.events().await, stage.acquirer.contacts()), (events, contacts));
    // What was tried is neither remembered as state nor as a key.
    engine.capture(capture(id, "capture-1", 600), LONG).await.unwrap();
    engine.capture(capture(id, "capture-2", 400), LONG).await.unwrap();
    let first = engine.authorize(authorize("order-2", 7), LONG).await.unwrap();
    assert!(!first.is_replay);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_needs_no_room_in_the_queue() {
    let stage = Stage::new();
    let engine = stage.engine_with(EngineSettings { queue_max: 2, ..EngineSettings::default() });
    stage.faulty.block_appends();
    let first = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.authorize(authorize("order-1", 1000), LONG).await })
    };
    stage.faulty.appends_waiting(1).await;
    let real = engine.authorize(authorize("order-2", 1000), LONG).await;
    assert!(matches!(real, Err(EngineError::Overloaded)), "{real:?}");
    tried(&engine, DryRun::Authorize(authorize("order-2", 1000))).await;
    stage.faulty.release_appends();
    assert!(first.await.unwrap().unwrap().is_concluded());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_under_a_used_key_gets_the_repeats_answer_or_its_refusal() {
    let stage = Stage::new();
    let engine = stage.engine();
    let with_reference =
        AuthorizeRequest { reference: Some("invoice 7".into()), ..authorize("order-1", 1000) };
    let first = engine.authorize(with_reference.clone(), LONG).await.unwrap();
    let id = first.view.snapshot.payment_id;
    engine.capture(capture(id, "capture-1", 600), Duration::ZERO).await.unwrap();
    for engine in [engine, stage.engine()] {
        let again = engine.dry_run(DryRun::Authorize(with_reference.clone())).await.unwrap();
        assert!(again.is_replay);
        assert_eq!(body(&again), body(&first), "as it was answered, not as it stands now");
        let other = AuthorizeRequest { reference: None, ..with_reference.clone() };
        for request in [
            DryRun::Authorize(other),
            DryRun::Capture(capture(id, "capture-1", 601)),
            DryRun::Capture(capture(id, "order-1", 600)),
        ] {
            assert_eq!(rejection(engine.dry_run(request).await), Rejection::KeyReused);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_texts_that_would_be_kept_beside_those_that_are() {
    let stage = Stage::new();
    let engine = stage.engine();
    let with_texts = AuthorizeRequest {
        reference: Some("invoice 7".into()),
        metadata: Some(r#"{"basket":"b-1"}"#.into()),
        ..authorize("order-1", 1000)
    };
    let tried = engine.dry_run(DryRun::Authorize(with_texts.clone())).await.unwrap();
    for text in ["invoice 7", "b-1"] {
        assert!(body(&tried).contains(text), "{}", body(&tried));
    }
    let id = engine.authorize(with_texts, LONG).await.unwrap().view.snapshot.payment_id;
    assert_eq!(id, tried.view.snapshot.payment_id, "the id that the payment gets is known before");
    let captured = engine.dry_run(DryRun::Capture(capture(id, "capture-1", 5))).await.unwrap();
    assert!(body(&captured).contains("invoice 7"), "{}", body(&captured));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_waits_for_nothing_and_refuses_what_would_be_refused() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    engine.capture(capture(id, "capture-1", 1000), Duration::ZERO).await.unwrap();
    let asked_at = tokio::time::Instant::now();
    let pending = engine.dry_run(DryRun::Refund(refund(id, "refund-1", 1000))).await;
    assert_eq!(rejection(pending), Rejection::CapturePending);
    let unknown = CaptureRequest { merchant_id: None, ..capture(id, "x", 1) };
    let missing = daybook_engine::ids::PaymentId::from_uuid(uuid::Uuid::from_u128(9));
    let unknown = CaptureRequest { payment_id: missing, ..unknown };
    let refused = engine.dry_run(DryRun::Capture(unknown)).await;
    assert_eq!(rejection(refused), Rejection::NotFound);
    stage.acquirer.set_away(true);
    let away = engine.dry_run(DryRun::Authorize(authorize("order-2", 1))).await;
    assert!(matches!(away, Err(EngineError::AcquirerUnavailable)), "{away:?}");
    let replay = engine.dry_run(DryRun::Authorize(authorize("order-1", 1000))).await.unwrap();
    assert!(replay.is_replay);
    assert_eq!(asked_at.elapsed(), Duration::ZERO);
}
