use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use uuid::Uuid;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::ids::{EventId, OperationId, PaymentId};
use crate::payment::Verb;
use crate::work::WorkItem;

const P0: Partition = Partition::new(0);
const HOLD: Duration = Duration::from_secs(30);

struct Opened {
    store: SqliteWork,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

async fn opened() -> Opened {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
    let store = SqliteWork::open(&dir.path().join("work.db"), clock.clone())
        .await
        .expect("the store answers");
    Opened { store, clock, _dir: dir }
}

impl Opened {
    fn item(&self, number: u64) -> WorkItem {
        let now = self.clock.now();
        WorkItem {
            partition: P0,
            payment_id: PaymentId::from_uuid(Uuid::from_u128(number.into())),
            operation_id: OperationId::from_uuid(Uuid::from_u128(number.into())),
            verb: Verb::Capture,
            version: 2,
            due_at: now,
            attempts: 0,
            opened_at: now,
            flagged: false,
        }
    }

    fn expiry(&self, number: u64) -> ExpiryItem {
        let WorkItem { partition, payment_id, due_at, .. } = self.item(number);
        ExpiryItem { partition, payment_id, due_at }
    }

    async fn counts(&self) -> WorkCounts {
        self.store.counts(&[P0]).await.expect("the store answers")
    }

    /// Opens operation `number` at position `number`.
    async fn open_item(&self, number: u64) -> bool {
        let cursor = |position: u64| match position {
            0 => Cursor::default(),
            _ => Cursor { position, event_id: Some(EventId::from_uuid(Uuid::from_u128(7))) },
        };
        let moves = [(P0, cursor(number - 1), cursor(number))];
        self.store
            .apply(&[WorkChange::Open(self.item(number))], &moves)
            .await
            .expect("the store answers")
    }
}

/// Polls a call up to `polls` times and then drops it, as a caller does that goes away.
async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        call.as_mut().poll(context).map(Some)
    })
    .await
}

/// How often a call is dropped, a little later each time up to its tenth wait: where it then
/// stands depends on how far SQLite's thread has come, so each wait is met several times.
fn drops() -> impl Iterator<Item = (u64, usize)> {
    (0..60).map(|round| (round, usize::try_from(round % 10).expect("a digit")))
}

#[tokio::test]
async fn a_dropped_apply_is_whole_or_nothing_and_the_next_one_goes_on() {
    let opened = opened().await;
    for (round, polls) in drops() {
        let (first, second) = (2 * round + 1, 2 * round + 2);
        let ended = dropped_after(polls, opened.open_item(first)).await;
        // The cursor tells whether the dropped call was applied, and it is never applied twice.
        let was_applied = !opened.open_item(first).await;
        assert!(was_applied || ended.is_none(), "dropped after {polls} polls");
        assert!(opened.open_item(second).await, "dropped after {polls} polls");
        assert_eq!(opened.counts().await.open, second, "dropped after {polls} polls");
    }
}

#[tokio::test]
async fn a_dropped_claim_leaves_no_open_transaction() {
    let opened = opened().await;
    for (round, polls) in drops() {
        dropped_after(polls, opened.store.claim(&[P0], HOLD, 100)).await;
        assert!(opened.open_item(round + 1).await, "dropped after {polls} polls");
        opened.clock.advance_millis(30_000);
        let claims = opened.store.claim(&[P0], HOLD, 100).await.expect("the store answers");
        assert_eq!(claims.len() as u64, round + 1, "dropped after {polls} polls");
        opened.clock.advance_millis(30_000);
    }
}

#[tokio::test]
async fn a_dropped_put_back_is_counted_once() {
    let opened = opened().await;
    assert!(opened.open_item(1).await);
    for (round, polls) in drops() {
        let claim = opened.store.claim(&[P0], HOLD, 10).await.expect("the store answers").remove(0);
        assert_eq!(u64::from(claim.item.attempts), round, "round {round}");
        let back = opened.store.put_back(&claim, Duration::ZERO, Timestamp::from_millis(0));
        dropped_after(polls, back).await;
        opened
            .store
            .put_back(&claim, Duration::ZERO, Timestamp::from_millis(0))
            .await
            .expect("the store answers");
    }
}

#[tokio::test]
async fn a_dropped_settlement_leaves_no_open_transaction() {
    let opened = opened().await;
    for (round, polls) in drops() {
        let expiry = opened.expiry(round);
        let changes = [WorkChange::Open(opened.item(round)), WorkChange::Expiry(expiry)];
        assert!(opened.store.apply(&changes, &[]).await.expect("the store answers"));
        let settled = [(expiry, ExpiryEnd::Waits)];
        dropped_after(polls, opened.store.settle_expiries(&settled)).await;
        opened.store.settle_expiries(&settled).await.expect("the store answers");
        let counts = opened.counts().await;
        let found = (counts.expiries_due, counts.expiries_waiting);
        assert_eq!(found, (0, round + 1), "dropped after {polls} polls");
    }
}

#[tokio::test]
async fn a_failed_statement_undoes_its_call_and_not_the_next_one() {
    let opened = opened().await;
    let impossible = WorkItem { version: 0, ..opened.item(1) };
    let changes = [WorkChange::Open(impossible)];
    let from = Cursor::default();
    let to = Cursor { position: 1, event_id: Some(EventId::from_uuid(Uuid::from_u128(7))) };
    let failed = opened.store.apply(&changes, &[(P0, from, to)]).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    assert_eq!(opened.store.cursors(&[P0]).await.expect("the store answers"), [from]);
    assert!(opened.open_item(1).await);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_reported_as_damage() {
    let opened = opened().await;
    assert!(opened.open_item(1).await);
    let mut writer = opened.store.database.writer().await;
    sqlx::query("UPDATE work_item SET verb = 'ship'")
        .execute(&mut *writer)
        .await
        .expect("the store answers");
    drop(writer);
    let claimed = opened.store.claim(&[P0], HOLD, 10).await;
    let Err(StoreError::Damaged { cause, .. }) = claimed else { panic!("{claimed:?}") };
    assert!(cause.contains("ship"), "{cause}");
}

/// The plan of each statement that runs on every poll, while there may be millions of rows.
#[tokio::test]
async fn what_is_polled_reads_from_the_front_of_an_index() {
    let opened = opened().await;
    for (statement, wanted) in [
        (claims::CLAIMABLE, "SEARCH item USING INDEX work_item_due (due_at<?)"),
        (expiries::DUE, "SEARCH expiry USING PRIMARY KEY (due_at<?)"),
        (changes::CLOSE, "SEARCH item USING PRIMARY KEY (partition=? AND payment_id=?)"),
        (changes::END_CLAIM, "SEARCH held USING PRIMARY KEY (partition=? AND payment_id=?)"),
        (changes::INQUIRE, "SEARCH work_item USING PRIMARY KEY (partition=? AND payment_id=?)"),
        (changes::RETRY_EXPIRY, "SEARCH waiting USING PRIMARY KEY (partition=? AND payment_id=?)"),
    ] {
        let plan: Vec<String> =
            sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
                .fetch_all(opened.store.database.readers())
                .await
                .expect("the store answers")
                .iter()
                .map(|row| row.get("detail"))
                .collect();
        assert!(plan.iter().any(|step| step == wanted), "{wanted}\n{statement}\n{plan:#?}");
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
        assert!(!sorts, "{statement}\n{plan:#?}");
    }
}
