//! Workers that share the partitions with others.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::clock::{Clock, Timestamp};
use daybook_engine::ids::{EventId, OperationId, Partition, PaymentId};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Append, Ledger, NewEvent};
use daybook_engine::payment::Verb;
use daybook_engine::work::{WorkChange, WorkItem, WorkStore};
use daybook_engine::workers::Workers;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::rounds::{request_capture, settle, settle_after};
use crate::stage::{Stage, authorized, until};
use crate::troubled::{Trouble, Troubled};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Partitions that pass from process to process when the test says so.
struct Lease(watch::Sender<Arc<[Partition]>>);

impl Lease {
    /// The stage's workers hold these.
    fn of(stage: &mut Stage, numbers: &[u16]) -> Self {
        let (lease, held) = watch::channel(Arc::default());
        stage.partitions = HeldPartitions::from(held);
        let lease = Self(lease);
        lease.give(numbers);
        lease
    }

    fn give(&self, numbers: &[u16]) {
        self.0.send_replace(numbers.iter().copied().map(Partition::new).collect());
    }
}

/// One open capture in each of the four partitions, in their order.
async fn captures(engine: &Engine) -> Vec<(PaymentId, OperationId)> {
    let mut found = [None; 4];
    for number in 0.. {
        if found.iter().all(Option::is_some) {
            break;
        }
        let id = authorized(engine, &format!("order-{number}"), 1000).await;
        let place = &mut found[id.partition(4).index()];
        if place.is_none() {
            *place = Some((id, request_capture(engine, id, "capture-1", 600).await));
        }
    }
    found.into_iter().flatten().collect()
}

fn operations(captures: &[(PaymentId, OperationId)]) -> Vec<OperationId> {
    captures.iter().map(|(_, operation)| *operation).collect()
}

async fn assert_last(stage: &Stage, captures: &[(PaymentId, OperationId)], expected: [&str; 4]) {
    for ((id, _), expected) in captures.iter().zip(expected) {
        let partition = id.partition(4);
        assert_eq!(stage.types(*id).await.last().unwrap(), expected, "in {partition}");
    }
}

#[tokio::test(start_paused = true)]
async fn workers_touch_only_the_partitions_they_hold() {
    let mut stage = Stage::new();
    let lease = Lease::of(&mut stage, &[1, 3]);
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let captures = captures(&engine).await;
    settle(&stage, &workers).await;
    let (open, done) = ("capture_requested", "captured");
    assert_last(&stage, &captures, [open, done, open, done]).await;
    lease.give(&[0, 1]);
    settle(&stage, &workers).await;
    assert_last(&stage, &captures, [done, done, open, done]).await;
    lease.give(&[2, 3]);
    settle(&stage, &workers).await;
    settle_after(&stage, &workers, WEEK).await;
    assert_last(&stage, &captures, [done, done, "expired", "expired"]).await;
    lease.give(&[0, 1, 2, 3]);
    settle(&stage, &workers).await;
    assert_last(&stage, &captures, ["expired"; 4]).await;
    let mut calls = stage.acquirer.calls(Verb::Capture);
    calls.sort_unstable();
    let mut expected = operations(&captures);
    expected.sort_unstable();
    assert_eq!(calls, expected);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_passes_from_process_to_process_is_worked_on_once() {
    let mut stage = Stage::new();
    let here = Lease::of(&mut stage, &[0, 1, 2, 3]);
    let mut beside = stage.beside();
    let there = Lease::of(&mut beside, &[]);
    let engine = stage.engine();
    let (workers, others) = (stage.workers(&engine), beside.workers(&beside.engine()));
    let mut captures = captures(&engine).await;
    for (step, id) in captures.clone().iter().map(|(id, _)| *id).enumerate() {
        let step = u16::try_from(step).unwrap();
        // They overlap while a partition passes on.
        there.give(&(0..=step).collect::<Vec<_>>());
        for name in ["capture-2", "capture-3"] {
            captures.push((id, request_capture(&engine, id, name, 100).await));
            for _ in 0..20 {
                let (one, other) = tokio::join!(workers.work_once(), others.work_once());
                assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            here.give(&(step + 1..4).collect::<Vec<_>>());
        }
    }
    assert_eq!(stage.work.items(), []);
    let mut calls = stage.acquirer.calls(Verb::Capture);
    calls.sort_unstable();
    let mut expected = operations(&captures);
    expected.sort_unstable();
    assert_eq!(calls, expected);
    assert!(stage.metrics.acquirer_calls.get() > 0 && beside.metrics.acquirer_calls.get() > 0);
}

#[tokio::test(start_paused = true)]
async fn without_partitions_no_store_is_asked() {
    let mut stage = Stage::new();
    let lease = Lease::of(&mut stage, &[]);
    let engine = stage.engine();
    let store = Arc::new(Troubled::new(stage.work.clone(), Trouble::IsCutOff));
    let workers = stage.workers_calling(stage.acquirer.clone(), &engine, store);
    assert!(!workers.work_once().await.unwrap(), "nothing to do");
    lease.give(&[0]);
    workers.work_once().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_partition_is_lost_during_its_call_is_finished() {
    let mut stage = Stage::new();
    let lease = Lease::of(&mut stage, &[0, 1, 2, 3]);
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    let id = authorized(&engine, "order-1", 1000).await;
    stage.acquirer.hold_calls();
    let operation = request_capture(&engine, id, "capture-1", 600).await;
    workers.work_once().await.unwrap();
    until("the call", async || stage.acquirer.is_busy()).await;
    lease.give(&[]);
    // Who holds it now leaves the payment alone: it is claimed.
    let mut other = stage.beside();
    let _all = Lease::of(&mut other, &[0, 1, 2, 3]);
    settle(&stage, &other.workers(&engine)).await;
    stage.acquirer.release_calls();
    until("its outcome", async || stage.types(id).await.last().unwrap() == "captured").await;
    assert_eq!(stage.acquirer.calls(Verb::Capture), [operation]);
}

/// An event of this partition that nobody can read.
async fn damage(stage: &Stage, partition: u16) {
    let payment_id = PaymentId::from_uuid(Uuid::from_u64_pair(partition.into(), 9));
    let event_id = EventId::from_uuid(Uuid::from_u64_pair(partition.into(), 1));
    let event = NewEvent { event_id, event_type: "payment.captured", data: "{}".to_owned() };
    let append = Append {
        payment_id,
        first_version: 1,
        events: vec![event],
        texts: Vec::new(),
        traceparent: None,
        recorded_at: Timestamp::from_millis(0),
    };
    stage.ledger.append(&[append]).await.unwrap().unwrap();
}

fn standing(workers: &Workers) -> Vec<u16> {
    workers.standing().keys().map(|partition| partition.number()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_stands_still_and_passes_on_is_no_longer_reported() {
    let mut stage = Stage::new();
    let lease = Lease::of(&mut stage, &[1, 2]);
    damage(&stage, 1).await;
    damage(&stage, 2).await;
    let engine = stage.engine();
    let workers = stage.workers(&engine);
    workers.work_once().await.unwrap();
    assert_eq!(standing(&workers), [1, 2]);
    for (held, reported) in
        [(&[0, 2][..], &[2][..]), (&[][..], &[]), (&[1, 2][..], &[1, 2]), (&[0][..], &[])]
    {
        lease.give(held);
        workers.work_once().await.unwrap();
        assert_eq!(standing(&workers), reported, "holding {held:?}");
    }
}

fn start(workers: Workers) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let running = stop.clone();
    (stop, tokio::spawn(async move { workers.run(running).await }))
}

#[tokio::test(start_paused = true)]
async fn operations_are_counted_where_their_partition_is_held() {
    let mut stage = Stage::new();
    let lease = Lease::of(&mut stage, &[0, 1, 2, 3]);
    let engine = stage.engine();
    let due_at = stage.clock.now().plus_millis(3_600_000);
    let open = Partition::all(4).map(|partition| WorkChange::Open(item(partition, due_at)));
    stage.work.apply(&open.collect::<Vec<_>>(), &[]).await.unwrap();
    let (stop, running) = start(stage.workers(&engine));
    let open = &stage.metrics.open_operations;
    for (held, count) in [(&[0, 1, 2, 3][..], 4), (&[2][..], 1), (&[][..], 0), (&[0, 3][..], 2)] {
        lease.give(held);
        // Longer than between two counts.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(open.get(), count, "holding {held:?}");
    }
    stop.cancel();
    running.await.unwrap();
}

fn item(partition: Partition, due_at: Timestamp) -> WorkItem {
    let id = Uuid::from_u64_pair(partition.number().into(), 1);
    WorkItem {
        partition,
        payment_id: PaymentId::from_uuid(id),
        operation_id: OperationId::from_uuid(id),
        verb: Verb::Capture,
        version: 2,
        due_at,
        attempts: 0,
        opened_at: due_at,
        flagged: false,
    }
}

#[tokio::test(start_paused = true)]
async fn looks_are_frequent_after_something_happened_and_rare_when_nothing_does() {
    let stage = Stage::new();
    let engine = stage.engine();
    let store = Arc::new(Troubled::new(stage.work.clone(), Trouble::None));
    let workers = stage.workers_calling(stage.acquirer.clone(), &engine, store.clone());
    let (stop, running) = start(workers);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let looks_in = async |millis: u64| {
        let before = store.looks();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        store.looks() - before
    };
    let idle = looks_in(10_000).await;
    assert!((90..=110).contains(&idle), "{idle} looks in ten idle seconds");
    // Another process commits: nobody signals it here.
    let beside = stage.beside();
    authorized(&beside.engine(), "order-1", 1000).await;
    until("the fold", async || !stage.work.expiries().is_empty()).await;
    let busy = looks_in(80).await;
    assert!((3..=9).contains(&busy), "{busy} looks right after");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = looks_in(1_000).await;
    assert!((9..=11).contains(&idle), "{idle} looks in an idle second");
    stop.cancel();
    running.await.unwrap();
}
