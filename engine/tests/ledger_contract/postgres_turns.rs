//! Turns of processes that share a ledger: a courtesy that nothing rests on.

use std::time::Duration;

use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::ledger::{Appended, Ledger};

use crate::in_postgres::{PostgresFixture, in_postgres, open};
use crate::in_sqlite::append;

/// Less than twenty turns waited for to the end, with room for a slow machine.
const PATIENCE: Duration = Duration::from_secs(4);

/// Two processes, of which the second has seen the first one's events, so that it takes turns.
struct Stage {
    fixture: PostgresFixture,
    sharing: PostgresLedger,
}

impl Stage {
    async fn new() -> Self {
        let fixture = in_postgres().await;
        let sharing = open(&fixture.database.server_settings()).await.unwrap();
        let stage = Self { fixture, sharing };
        stage.first_writes(1).await;
        assert!(stage.sharing.append(&[append(2, 1)]).await.unwrap().is_some());
        stage
    }

    async fn first_writes(&self, version: u32) {
        let appended = self.fixture.ledger.append(&[append(1, version)]).await.unwrap();
        assert!(matches!(appended.as_deref(), Some([Appended::At(_)])), "{appended:?}");
    }

    /// How many sessions have the turn, or wait for it.
    async fn turns(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
             WHERE locktype = 'advisory' AND d.datname = current_database()",
        )
        .fetch_one(&mut self.fixture.database.stranger().await)
        .await
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_seen_another_process_write_takes_a_turn_and_gives_it_up_with_its_batch() {
    let stage = Stage::new().await;
    assert_eq!(stage.turns().await, 0, "an append alone gives its own up");
    stage.sharing.wait_for_turn().await;
    assert_eq!(stage.turns().await, 1);
    let appended = stage.sharing.append(&[append(2, 2)]).await.unwrap();
    assert_eq!(appended, Some(vec![Appended::At(3)]));
    assert_eq!(stage.turns().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_alone_waits_for_no_turn() {
    let fixture = in_postgres().await;
    let stage =
        Stage { sharing: open(&fixture.database.server_settings()).await.unwrap(), fixture };
    stage.first_writes(1).await;
    stage.fixture.ledger.wait_for_turn().await;
    assert_eq!(stage.turns().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_alone_has_one_batch_under_way_and_who_has_seen_another_has_two() {
    let stage = Stage::new().await;
    assert_eq!(stage.fixture.ledger.batches_under_way(), 1);
    assert_eq!(stage.sharing.batches_under_way(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_met_a_conflict_has_given_its_turn_up() {
    let stage = Stage::new().await;
    assert_eq!(stage.sharing.append(&[append(1, 1)]).await.unwrap(), None);
    assert_eq!(stage.turns().await, 0, "taken by the append itself");
    stage.sharing.wait_for_turn().await;
    assert_eq!(stage.sharing.append(&[append(1, 1)]).await.unwrap(), None);
    assert_eq!(stage.turns().await, 0, "taken before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_keeps_its_turn_holds_nobody_up() {
    let stage = Stage::new().await;
    stage.sharing.wait_for_turn().await;
    let other = open(&stage.fixture.database.server_settings()).await.unwrap();
    let writing = async {
        for version in 1..=20 {
            other.wait_for_turn().await;
            let appended = other.append(&[append(3, version)]).await.unwrap();
            assert_eq!(appended, Some(vec![Appended::At(u64::from(version) + 2)]));
        }
    };
    tokio::time::timeout(PATIENCE, writing).await.expect("nobody waits for a turn for long");
    assert_eq!(stage.turns().await, 1, "it still has it");
}
