//! A payment whose first event an older build wrote, in a version made up for tests.

use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::{Append, Ledger, NewEvent, Recorded};
use daybook_engine::payment::EventType;
use daybook_engine::payment::made_up::as_version_0;
use daybook_engine::verify::{Findings, PaymentWalk};

use crate::stage::{LONG, Stage, authorize, body, capture};

/// Copies a payment into another ledger, its first event as the older build would have written it.
async fn write_as_version_0(stage: &Stage, recorded: &[Recorded]) {
    let written = |event: &Recorded| NewEvent {
        event_id: event.event_id,
        event_type: EventType::parse(&event.event_type).unwrap().as_str(),
        data: as_version_0(&event.data).unwrap_or_else(|| event.data.to_string()),
    };
    let append = Append {
        payment_id: recorded[0].payment_id,
        first_version: 1,
        events: recorded.iter().map(written).collect(),
        texts: Vec::new(),
        traceparent: None,
        recorded_at: recorded[0].recorded_at,
    };
    stage.ledger.append(&[append]).await.unwrap().unwrap();
}

async fn findings(stage: &Stage, id: PaymentId) -> Findings {
    let partition = id.partition(stage.ledger.identity().partitions);
    let head = stage.ledger.heads().await.unwrap()[partition.index()];
    let (mut findings, mut walk) = (Findings::default(), PaymentWalk::new(&*stage.ledger, head));
    while walk.next(&mut findings).await.unwrap().is_some() {}
    findings
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_an_older_build_is_read_repeated_carried_on_and_verified() {
    let (before, stage) = (Stage::new(), Stage::seeded(2, 4));
    let first = before.engine().authorize(authorize("order-1", 1000), LONG).await.unwrap();
    let id = first.view.snapshot.payment_id;
    write_as_version_0(&stage, &before.ledger.load(id).await.unwrap()).await;

    let engine = stage.engine();
    let read = engine.payment(id).await.unwrap().unwrap();
    assert_eq!(read.snapshot.payment, first.view.snapshot.payment);
    let again = engine.authorize(authorize("order-1", 1000), LONG).await.unwrap();
    assert!(again.is_replay);
    assert_eq!(body(&again), body(&first));
    engine.capture(capture(id, "capture-1", 400), std::time::Duration::ZERO).await.unwrap();
    assert_eq!(findings(&stage, id).await.kept(), []);

    // What is stored stays as it was written, for who reads, seals and publishes it.
    let events = engine.events(id).await.unwrap();
    assert!(events[0].data.starts_with(r#"{"v":0,"#), "{}", events[0].data);
    assert!(events[2].data.starts_with(r#"{"v":1,"#), "{}", events[2].data);
}
