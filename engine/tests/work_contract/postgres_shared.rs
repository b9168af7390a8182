//! Several processes on one store.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, OperationId, Partition, PaymentId};
use daybook_engine::payment::Verb;
use daybook_engine::work::postgres::PostgresWork;
use daybook_engine::work::{
    ExpiryEnd, ExpiryItem, WorkBatch, WorkChange, WorkCounts, WorkItem, WorkStore,
};
use sqlx::Executor;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::in_postgres::{open, session};
use crate::moved_clock::MovedClock;

const PARTITIONS: u16 = 4;
const HOLD: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);
/// Past on every clock.
const LONG_AGO: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn partitions() -> Vec<Partition> {
    Partition::all(PARTITIONS).collect()
}

fn payment(number: usize) -> (Partition, PaymentId) {
    let partition = u16::try_from(number % usize::from(PARTITIONS)).unwrap();
    (Partition::new(partition), PaymentId::from_uuid(Uuid::from_u128(number as u128)))
}

fn capture(number: usize, version: u32) -> WorkItem {
    let (partition, payment_id) = payment(number);
    let id = Uuid::from_u64_pair(version.into(), number as u64);
    WorkItem {
        partition,
        payment_id,
        operation_id: OperationId::from_uuid(id),
        verb: Verb::Capture,
        version,
        due_at: LONG_AGO,
        attempts: 0,
        opened_at: LONG_AGO,
        flagged: false,
    }
}

fn expiry(number: usize) -> ExpiryItem {
    let (partition, payment_id) = payment(number);
    ExpiryItem { partition, payment_id, due_at: LONG_AGO }
}

/// What the outcome of a capture folds to.
fn outcome(item: &WorkItem) -> [WorkChange; 2] {
    let WorkItem { partition, payment_id, operation_id, due_at, .. } = *item;
    [
        WorkChange::Close { partition, payment_id, operation_id },
        WorkChange::RetryExpiry(ExpiryItem { partition, payment_id, due_at }),
    ]
}

async fn is_waiting_for_a_lock(database: &MovedClock) {
    let waiting = "SELECT count(*) > 0 FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut session = session(database).await;
    let give_up_at = Instant::now() + MINUTE / 4;
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut session).await.unwrap() {
        assert!(Instant::now() < give_up_at, "nobody waits for a lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_refused_at_the_very_moment_its_operation_closes_is_due_again() {
    let database = MovedClock::create(PARTITIONS).await;
    let store = open(&database).await;
    let changes = [WorkChange::Open(capture(0, 2)), WorkChange::Expiry(expiry(0))];
    assert!(store.apply(&changes, &[]).await.unwrap());
    // Another process folds the outcome, and has not committed yet.
    let mut other = database.database.stranger().await;
    other
        .execute(
            "BEGIN;
             SELECT FROM work_cursor WHERE partition = 0 FOR UPDATE;
             DELETE FROM work_item;
             DELETE FROM expiry_waiting",
        )
        .await
        .unwrap();
    let settling = tokio::spawn({
        let store = store.clone();
        async move { store.settle_expiries(&[(expiry(0), ExpiryEnd::Waits)]).await }
    });
    is_waiting_for_a_lock(&database).await;
    other.execute("COMMIT").await.unwrap();
    settling.await.unwrap().unwrap();
    database.advance(MINUTE).await;
    let due = store.due_expiries(&partitions(), 10).await.unwrap();
    assert_eq!(due.len(), 1, "nothing will ever end its wait: {due:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_and_outcomes_that_race_lose_no_expiry() {
    const PAYMENTS: usize = 60;
    let database = MovedClock::create(PARTITIONS).await;
    let (here, there) = (open(&database).await, open(&database).await);
    for number in 0..PAYMENTS {
        let item = capture(number, 2);
        let changes = [WorkChange::Open(item), WorkChange::Expiry(expiry(number))];
        assert!(here.apply(&changes, &[]).await.unwrap());
        let refused = [(expiry(number), ExpiryEnd::Waits)];
        let ended = outcome(&item);
        let (settled, applied) =
            tokio::join!(here.settle_expiries(&refused), there.apply(&ended, &[]));
        settled.unwrap();
        assert!(applied.unwrap());
    }
    database.advance(MINUTE).await;
    let due = here.due_expiries(&partitions(), 1_000).await.unwrap();
    let due: HashSet<_> = due.iter().map(|item| item.payment_id).collect();
    assert_eq!(due.len(), PAYMENTS);
}

/// The ledger that two processes fold, and what is true of its payments.
struct Book {
    /// The changes of each event, by partition and position.
    events: Mutex<Vec<Vec<Vec<WorkChange>>>>,
    open: Mutex<HashSet<OperationId>>,
    /// The payments that a worker acts on just now.
    held: Mutex<HashSet<PaymentId>>,
    unexpired: Mutex<HashSet<PaymentId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

fn cursor(partition: Partition, position: usize) -> Cursor {
    let event_id = Uuid::from_u64_pair(partition.number().into(), position as u64);
    match position {
        0 => Cursor::default(),
        _ => Cursor { position: position as u64, event_id: Some(EventId::from_uuid(event_id)) },
    }
}

impl Book {
    /// Payments with two captures and an expiry each.
    fn new(payments: usize) -> Self {
        let book = Self {
            events: Mutex::new(vec![Vec::new(); usize::from(PARTITIONS)]),
            open: Mutex::default(),
            held: Mutex::default(),
            unexpired: Mutex::new((0..payments).map(|number| payment(number).1).collect()),
        };
        for number in 0..payments {
            let captures = [capture(number, 2), capture(number, 3)];
            book.append(payment(number).0, vec![WorkChange::Expiry(expiry(number))]);
            for item in captures {
                locked(&book.open).insert(item.operation_id);
                book.append(item.partition, vec![WorkChange::Open(item)]);
            }
        }
        book
    }

    fn append(&self, partition: Partition, changes: Vec<WorkChange>) {
        locked(&self.events)[partition.index()].push(changes);
    }

    fn is_over(&self) -> bool {
        locked(&self.open).is_empty() && locked(&self.unexpired).is_empty()
    }

    /// Folds the next few events of every partition; `true` where there were none.
    async fn fold(&self, store: &PostgresWork) -> bool {
        let cursors = store.cursors(&partitions()).await.unwrap();
        let (mut batch, mut moves) = (WorkBatch::default(), Vec::new());
        for (partition, from) in partitions().into_iter().zip(cursors) {
            let position = usize::try_from(from.position).unwrap();
            let next: Vec<_> = {
                let events = locked(&self.events);
                events[partition.index()].iter().skip(position).take(7).cloned().collect()
            };
            if !next.is_empty() {
                moves.push((partition, from, cursor(partition, position + next.len())));
                batch.add(next.into_iter().flatten());
            }
        }
        moves.is_empty() || {
            store.apply(&batch.into_changes(), &moves).await.unwrap();
            false
        }
    }

    /// Claims a few operations, and concludes or puts back each.
    async fn work(&self, store: &PostgresWork, round: usize) {
        let claims = store.claim(&partitions(), HOLD, 5).await.unwrap();
        for claim in &claims {
            let fresh = locked(&self.held).insert(claim.item.payment_id);
            assert!(fresh, "{:?} is held twice", claim.item.payment_id);
        }
        for (number, claim) in claims.iter().enumerate() {
            tokio::task::yield_now().await;
            let is_concluded = !(number + round).is_multiple_of(3);
            // From the next statement on somebody else may hold it.
            locked(&self.held).remove(&claim.item.payment_id);
            if is_concluded {
                let was_open = locked(&self.open).remove(&claim.item.operation_id);
                assert!(was_open, "{:?} was concluded before", claim.item);
                self.append(claim.item.partition, outcome(&claim.item).to_vec());
            } else {
                store.put_back(claim, Duration::ZERO, Timestamp::from_millis(0)).await.unwrap();
            }
        }
    }

    /// Expires what is due, and refuses what has an open capture.
    async fn expire(&self, store: &PostgresWork) {
        let due = store.due_expiries(&partitions(), 20).await.unwrap();
        let end = |item: &ExpiryItem| {
            let number = usize::try_from(item.payment_id.uuid().as_u128()).unwrap();
            let open = locked(&self.open);
            let is_refused =
                [2, 3].iter().any(|version| open.contains(&capture(number, *version).operation_id));
            if is_refused { ExpiryEnd::Waits } else { ExpiryEnd::Done }
        };
        let settled: Vec<_> = due.iter().map(|item| (*item, end(item))).collect();
        tokio::task::yield_now().await;
        store.settle_expiries(&settled).await.unwrap();
        for (item, _) in settled.iter().filter(|(_, end)| *end == ExpiryEnd::Done) {
            locked(&self.unexpired).remove(&item.payment_id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_hold_nothing_twice_lose_nothing_and_never_deadlock() {
    let database = MovedClock::create(PARTITIONS).await;
    let stores = [open(&database).await, open(&database).await];
    let book = Arc::new(Book::new(60));
    let over = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    for (kind, store) in (0..4).flat_map(|kind| stores.iter().map(move |store| (kind, store))) {
        let (book, store, over) = (book.clone(), store.clone(), over.clone());
        tasks.spawn(async move {
            for round in 0.. {
                match kind {
                    0 if book.fold(&store).await && book.is_over() => over.cancel(),
                    0 => {}
                    1 => book.expire(&store).await,
                    _ => book.work(&store, round).await,
                }
                if over.is_cancelled() {
                    break;
                }
            }
        });
    }
    let ended = tokio::time::timeout(MINUTE, async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    ended.await.expect("everything is concluded and expired, and nothing waits for ever");
    let counts = stores[0].counts(&partitions()).await.unwrap();
    assert_eq!(counts, WorkCounts::default());
    for store in &stores {
        store.close().await;
    }
    let deadlocks: i64 = sqlx::query_scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(&mut session(&database).await)
    .await
    .unwrap();
    assert_eq!(deadlocks, 0);
}
