use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::ids::{EventId, OperationId, PaymentId};
use crate::payment::Verb;
use crate::postgres::scratch::ScratchDatabase;
use crate::work::WorkItem;

const P0: Partition = Partition::new(0);
const HOLD: Duration = Duration::from_secs(30);
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// Past on every clock, so that what is due then is due.
const LONG_AGO: Timestamp = Timestamp::from_millis(1_000_000_000_000);

struct Opened {
    store: PostgresWork,
    database: ScratchDatabase,
}

async fn opened() -> Opened {
    let database = ScratchDatabase::create().await;
    let mut migrator = Migrator::connect(&database.owner_settings()).await.unwrap();
    PostgresWork::migrate(&mut migrator, 4).await.unwrap();
    database.grant().await;
    let settings =
        PostgresSettings { pool_max: 2, lock_timeout: LOCK_TIMEOUT, ..database.server_settings() };
    Opened { store: PostgresWork::open(&settings).await.unwrap(), database }
}

fn item(number: u64) -> WorkItem {
    WorkItem {
        partition: P0,
        payment_id: PaymentId::from_uuid(Uuid::from_u128(number.into())),
        operation_id: OperationId::from_uuid(Uuid::from_u128(number.into())),
        verb: Verb::Capture,
        version: 2,
        due_at: LONG_AGO,
        attempts: 0,
        opened_at: LONG_AGO,
        flagged: false,
    }
}

fn expiry(number: u64) -> ExpiryItem {
    let WorkItem { partition, payment_id, due_at, .. } = item(number);
    ExpiryItem { partition, payment_id, due_at }
}

fn cursor(position: u64) -> Cursor {
    match position {
        0 => Cursor::default(),
        _ => Cursor { position, event_id: Some(EventId::from_uuid(Uuid::from_u128(7))) },
    }
}

impl Opened {
    async fn counts(&self) -> WorkCounts {
        self.store.counts(&[P0]).await.unwrap()
    }

    /// Opens operation `number` at position `number`.
    async fn open_item(&self, number: u64) -> bool {
        let moves = [(P0, cursor(number - 1), cursor(number))];
        self.store.apply(&[WorkChange::Open(item(number))], &moves).await.unwrap()
    }

    /// A session that holds the partition's lock.
    async fn locked(&self) -> PgConnection {
        let mut stranger = self.database.stranger().await;
        stranger.execute("BEGIN; SELECT FROM work_cursor FOR UPDATE").await.unwrap();
        stranger
    }

    /// Sessions of the store for which this holds, as `pg_stat_activity` says it.
    async fn sessions(&self, condition: &str) -> i64 {
        let counting = format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'daybook' AND {condition}"
        );
        // The same role, which alone sees what its sessions do.
        let mut session = PgConnection::connect(self.database.server_url()).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(counting)).fetch_one(&mut session).await.unwrap()
    }

    /// Waits until so many sessions of the store wait for a lock.
    async fn are_waiting(&self, count: i64) {
        until(async || self.sessions("wait_event_type = 'Lock'").await >= count).await;
    }
}

async fn until(holds: impl AsyncFn() -> bool) {
    let give_up_at = Instant::now() + Duration::from_secs(15);
    while !holds().await {
        assert!(Instant::now() < give_up_at, "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
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

#[tokio::test]
async fn a_dropped_apply_is_whole_or_nothing_and_the_next_one_goes_on() {
    let opened = opened().await;
    for round in 0..30 {
        let (first, second) = (2 * round + 1, 2 * round + 2);
        let polls = usize::try_from(round).unwrap();
        let ended = dropped_after(polls, opened.open_item(first)).await;
        // The cursor tells whether the dropped call was applied, and it is never applied twice.
        let was_applied = !opened.open_item(first).await;
        assert!(was_applied || ended.is_none(), "dropped after {polls} polls");
        assert!(opened.open_item(second).await, "dropped after {polls} polls");
        assert_eq!(opened.counts().await.open, second, "dropped after {polls} polls");
    }
}

#[tokio::test]
async fn a_dropped_claim_or_return_or_settlement_leaves_no_lock_behind() {
    let opened = opened().await;
    let store = &opened.store;
    for round in 0..20 {
        let polls = usize::try_from(round).unwrap();
        let changes = [WorkChange::Open(item(round)), WorkChange::Expiry(expiry(round))];
        assert!(store.apply(&changes, &[]).await.unwrap());
        dropped_after(polls, store.claim(&[P0], Duration::ZERO, 1)).await;
        let claims = store.claim(&[P0], Duration::ZERO, 100).await.unwrap();
        dropped_after(polls, store.put_back(&claims[0], Duration::ZERO, Timestamp::from_millis(0)))
            .await;
        store.put_back(&claims[0], Duration::ZERO, Timestamp::from_millis(0)).await.unwrap();
        let settled = [(expiry(round), ExpiryEnd::Waits)];
        dropped_after(polls, store.settle_expiries(&settled)).await;
        store.settle_expiries(&settled).await.unwrap();
        let counts = opened.counts().await;
        let found = (counts.open, counts.expiries_due, counts.expiries_waiting);
        assert_eq!(found, (round + 1, 0, round + 1), "dropped after {polls} polls");
    }
}

/// sqlx gives a connection whose BEGIN was dropped, or failed at a statement sent with it, back to
/// its pool as it is.
#[tokio::test]
async fn a_call_that_gave_up_at_a_lock_leaves_no_transaction_behind() {
    let opened = opened().await;
    let mut holder = opened.locked().await;
    for _ in 0..3 {
        let refused = opened.store.apply(&[WorkChange::Open(item(1))], &[]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    }
    let settings = PostgresSettings {
        lock_timeout: Duration::from_secs(10),
        ..opened.database.server_settings()
    };
    let patient = PostgresWork::open(&settings).await.unwrap();
    for count in 1..=3 {
        let changes = [WorkChange::Open(item(1))];
        tokio::select! {
            applied = patient.apply(&changes, &[]) => panic!("{applied:?}"),
            // The server itself learns that its client went away when it has the lock.
            () = opened.are_waiting(count) => {}
        }
    }
    holder.execute("COMMIT").await.unwrap();
    for number in 1..=6 {
        assert!(opened.open_item(number).await);
    }
    until(async || opened.sessions("state <> 'idle'").await == 0).await;
    assert_eq!(opened.counts().await.open, 6);
}

#[tokio::test]
async fn a_failed_statement_undoes_its_call_and_not_the_next_one() {
    let opened = opened().await;
    let impossible = WorkItem { version: 0, ..item(1) };
    for _ in 0..3 {
        let changes = [WorkChange::Open(impossible)];
        let failed = opened.store.apply(&changes, &[(P0, cursor(0), cursor(1))]).await;
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
        assert_eq!(opened.store.cursors(&[P0]).await.unwrap(), [cursor(0)]);
    }
    assert!(opened.open_item(1).await);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_reported_as_damage() {
    let opened = opened().await;
    assert!(opened.open_item(1).await);
    opened.database.stranger().await.execute("UPDATE work_item SET verb = 'ship'").await.unwrap();
    let claimed = opened.store.claim(&[P0], HOLD, 10).await;
    let Err(StoreError::Damaged { cause, .. }) = claimed else { panic!("{claimed:?}") };
    assert!(cause.contains("ship"), "{cause}");
}

#[tokio::test]
async fn a_partition_without_its_rows_is_refused_until_they_are_migrated() {
    let opened = opened().await;
    let beyond = Partition::new(4);
    let refused = opened.store.cursors(&[P0, beyond]).await;
    let Err(StoreError::Refused(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("partition 4") && reason.contains("daybook migrate"), "{reason}");
    assert!(opened.open_item(1).await);
    let settings = opened.database.owner_settings();
    let mut migrator = Migrator::connect(&settings).await.unwrap();
    assert_eq!(PostgresWork::migrate(&mut migrator, 5).await.unwrap(), []);
    let cursors = opened.store.cursors(&[P0, beyond]).await.unwrap();
    assert_eq!(cursors, [cursor(1), cursor(0)]);
}

#[tokio::test]
async fn claims_are_synced_and_folds_fall_back_together() {
    let opened = opened().await;
    for (database, expected) in [(&opened.store.claims, "on"), (&opened.store.rows, "off")] {
        let found: String =
            sqlx::query_scalar("SHOW synchronous_commit").fetch_one(database.pool()).await.unwrap();
        assert_eq!(found, expected);
    }
}

const MANY: &str = "
    INSERT INTO work_item
    SELECT number % 4, lpad(to_hex(number), 32, '0')::uuid, 2, gen_random_uuid(), 'capture',
        clock_timestamp() + (number - 500) * interval '1 second', 0, clock_timestamp(), false
    FROM generate_series(1, 50000) AS number;
    INSERT INTO expiry
    SELECT clock_timestamp() + (number - 500) * interval '1 second', number % 4,
        lpad(to_hex(number), 32, '0')::uuid
    FROM generate_series(1, 50000) AS number;
    INSERT INTO claim
    SELECT partition, payment_id, operation_id, gen_random_uuid(), clock_timestamp()
    FROM work_item LIMIT 20000;
    INSERT INTO expiry_waiting SELECT partition, payment_id FROM work_item LIMIT 20000;
    ANALYZE work_item, expiry, claim, expiry_waiting;
    SET plan_cache_mode = force_generic_plan;";

/// The plan of each statement that runs on every poll, or with the fold, while there may be millions
/// of rows: it reads them by an index, and never all of them.
#[tokio::test]
async fn what_is_polled_reads_from_the_front_of_an_index() {
    let opened = opened().await;
    let mut stranger = opened.database.stranger().await;
    stranger.execute(sqlx::raw_sql(MANY)).await.unwrap();
    let ids = "int2[], uuid[], uuid[]";
    for (statement, types, values, wanted) in [
        (claims::CLAIMABLE, "int2[], int8", "'{0,1}', 128", "work_item_due on work_item item"),
        (claims::CLAIM, "int2[], int8, int8", "'{0,1}', 128, 9", "work_item_due on work_item item"),
        (expiries::DUE, "int2[], int8", "'{0,1}', 100", "expiry_pkey on expiry"),
        (changes::CLOSE, ids, "'{}', '{}', '{}'", "work_item_pkey on work_item item"),
        (changes::CLOSE, ids, "'{}', '{}', '{}'", "claim_pkey on claim"),
        (
            changes::INQUIRE,
            "int2[], uuid[], uuid[], timestamptz[]",
            "'{}', '{}', '{}', '{}'",
            "work_item_pkey on work_item item",
        ),
        (
            changes::RETRY_EXPIRY,
            "timestamptz[], int2[], uuid[]",
            "'{}', '{}', '{}'",
            "expiry_waiting_pkey on expiry_waiting waiting",
        ),
        (
            expiries::SETTLE,
            "timestamptz[], int2[], uuid[], bool[], int8",
            "'{}', '{}', '{}', '{}', 9",
            "expiry_pkey on expiry",
        ),
    ] {
        let prepare = format!("PREPARE polled ({types}) AS {statement}");
        stranger.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await.unwrap();
        let explain = format!("EXPLAIN (COSTS off) EXECUTE polled ({values})");
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut stranger).await.unwrap();
        stranger.execute("DEALLOCATE polled").await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(wanted), "{wanted}\n{statement}\n{plan}");
        for whole in ["Seq Scan on work_item", "Seq Scan on expiry", "Seq Scan on claim"] {
            assert!(!plan.contains(whole), "{whole}\n{statement}\n{plan}");
        }
    }
}
