//! Commits whose answer is lost: whoever asked does not know what became of them, and asking again
//! does no harm.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, OperationId, Partition, PaymentId};
use daybook_engine::ledger::StoreError;
use daybook_engine::payment::Verb;
use daybook_engine::postgres::scratch;
use daybook_engine::work::postgres::PostgresWork;
use daybook_engine::work::{ExpiryEnd, ExpiryItem, WorkChange, WorkItem, WorkStore};
use uuid::Uuid;

use crate::moved_clock::MovedClock;
use crate::proxy::{Fault, Proxy};

const P0: Partition = Partition::new(0);
const PARTITIONS: &[Partition] = &[P0];
const HOLD: Duration = Duration::from_secs(600);
const LONG_AGO: Timestamp = Timestamp::from_millis(1_000_000_000_000);

const ITEM: WorkItem = WorkItem {
    partition: P0,
    payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
    operation_id: OperationId::from_uuid(Uuid::from_u128(1)),
    verb: Verb::Capture,
    version: 2,
    due_at: LONG_AGO,
    attempts: 0,
    opened_at: LONG_AGO,
    flagged: false,
};
const EXPIRY: ExpiryItem =
    ExpiryItem { partition: P0, payment_id: ITEM.payment_id, due_at: LONG_AGO };

/// A store on a line that can be cut.
struct Lined {
    database: MovedClock,
    proxy: Proxy,
    store: Arc<PostgresWork>,
}

impl Lined {
    async fn open() -> Self {
        let database = MovedClock::create(1).await;
        let (proxy, through) = Proxy::before(&database.url()).await;
        let settings = scratch::settings(&through);
        let store = Arc::new(PostgresWork::open(&settings).await.unwrap());
        Self { database, proxy, store }
    }

    /// The call, cut at its COMMIT.
    async fn lost<T: std::fmt::Debug>(
        &self,
        cut: Fault,
        call: impl Future<Output = Result<T, StoreError>>,
    ) {
        self.proxy.arm(cut, "COMMIT");
        let answer = call.await;
        assert!(matches!(answer, Err(StoreError::AnswerLost { .. })), "{cut:?}: {answer:?}");
        assert!(!self.proxy.is_armed(), "{cut:?}");
    }
}

const CUTS: [Fault; 2] = [Fault::CutBefore, Fault::CutAtAnswer];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_whose_answer_was_lost_is_applied_once() {
    let to = Cursor { position: 1, event_id: Some(EventId::from_uuid(Uuid::from_u128(9))) };
    for cut in CUTS {
        let lined = Lined::open().await;
        let (changes, moves) = ([WorkChange::Open(ITEM)], [(P0, Cursor::default(), to)]);
        lined.lost(cut, lined.store.apply(&changes, &moves)).await;
        let again = lined.store.apply(&changes, &moves).await.unwrap();
        assert_eq!(again, cut == Fault::CutBefore);
        assert_eq!(lined.store.cursors(PARTITIONS).await.unwrap(), [to]);
        assert_eq!(lined.store.counts(PARTITIONS).await.unwrap().open, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_was_lost_holds_until_it_runs_out() {
    for cut in CUTS {
        let lined = Lined::open().await;
        assert!(lined.store.apply(&[WorkChange::Open(ITEM)], &[]).await.unwrap());
        lined.lost(cut, lined.store.claim(PARTITIONS, HOLD, 10)).await;
        let again = lined.store.claim(PARTITIONS, HOLD, 10).await.unwrap();
        assert_eq!(again.len(), usize::from(cut == Fault::CutBefore), "{cut:?}");
        lined.database.advance(HOLD).await;
        let later = lined.store.claim(PARTITIONS, HOLD, 10).await.unwrap();
        assert_eq!(later.iter().map(|claim| claim.item).collect::<Vec<_>>(), [ITEM], "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_whose_answer_was_lost_is_counted_once() {
    for cut in CUTS {
        let lined = Lined::open().await;
        assert!(lined.store.apply(&[WorkChange::Open(ITEM)], &[]).await.unwrap());
        let claim = lined.store.claim(PARTITIONS, HOLD, 10).await.unwrap().remove(0);
        lined
            .lost(cut, lined.store.put_back(&claim, Duration::ZERO, Timestamp::from_millis(0)))
            .await;
        lined.store.put_back(&claim, Duration::ZERO, Timestamp::from_millis(0)).await.unwrap();
        let again = lined.store.claim(PARTITIONS, HOLD, 10).await.unwrap();
        assert_eq!(again.iter().map(|claim| claim.item.attempts).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_whose_answer_was_lost_is_settled_once() {
    for (cut, can_wait) in CUTS.into_iter().flat_map(|cut| [(cut, true), (cut, false)]) {
        let lined = Lined::open().await;
        let changes = [WorkChange::Expiry(EXPIRY), WorkChange::Open(ITEM)];
        let changes = if can_wait { &changes[..] } else { &changes[..1] };
        assert!(lined.store.apply(changes, &[]).await.unwrap());
        let refused = [(EXPIRY, ExpiryEnd::Waits)];
        lined.lost(cut, lined.store.settle_expiries(&refused)).await;
        lined.store.settle_expiries(&refused).await.unwrap();
        lined.database.advance(HOLD).await;
        let counts = lined.store.counts(PARTITIONS).await.unwrap();
        let found = (counts.expiries_waiting, counts.expiries_due);
        assert_eq!(found, (u64::from(can_wait), u64::from(!can_wait)), "{cut:?}");
    }
}
