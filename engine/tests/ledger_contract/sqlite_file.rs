//! What opening, closing and abandoning a SQLite ledger must do.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use daybook_engine::ids::{LedgerId, PaymentId};
use daybook_engine::ledger::contract::PARTITIONS;
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::ledger::{Appended, DEFAULT_PARTITIONS, Ledger, LedgerIdentity, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Executor};
use uuid::Uuid;

use crate::in_sqlite::{append, in_sqlite, open};

fn refusal(opened: Result<SqliteLedger, StoreError>) -> String {
    match opened {
        Err(StoreError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_ledger_has_the_given_id_and_the_default_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let id = LedgerId::from_uuid(Uuid::from_u128(42));
    let path = directory.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, None, id).await.unwrap();
    let identity = LedgerIdentity { id, incarnation: 1, partitions: DEFAULT_PARTITIONS };
    assert_eq!(ledger.identity(), identity);
    assert_eq!(ledger.heads().await.unwrap().len(), usize::from(DEFAULT_PARTITIONS));
}

#[tokio::test]
async fn a_ledger_keeps_its_identity_and_events_when_it_is_reopened() {
    let fixture = in_sqlite().await;
    let identity = fixture.ledger.identity();
    fixture.ledger.append(&[append(1, 1)]).await.unwrap();
    fixture.ledger.close().await;
    let other_id = LedgerId::from_uuid(Uuid::from_u128(99));
    let again = SqliteLedger::open(&fixture.path(), Some(PARTITIONS), other_id).await.unwrap();
    assert_eq!(again.identity(), identity);
    let after = again.append(&[append(1, 2)]).await.unwrap();
    assert_eq!(after, Some(vec![Appended::At(2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_create_a_ledger_at_once_agree_on_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..6 {
        let path = directory.path().join("ledger.db");
        let id = LedgerId::from_uuid(Uuid::from_u128(number));
        tasks.spawn(async move { SqliteLedger::open(&path, None, id).await.unwrap().identity() });
    }
    let identities = tasks.join_all().await;
    assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
}

#[tokio::test]
async fn who_opens_a_ledger_waits_for_the_one_that_creates_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let mut creator = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await
        .unwrap();
    creator.execute("BEGIN IMMEDIATE; CREATE TABLE migration (number INTEGER)").await.unwrap();
    let mut opening = pin!(open(path, None));
    let first = tokio::time::timeout(Duration::from_millis(100), &mut opening).await;
    assert!(first.is_err(), "it was opened beside its creation: {first:?}");
    creator.execute("ROLLBACK").await.unwrap();
    opening.await.unwrap();
}

#[tokio::test]
async fn another_number_of_partitions_is_refused_naming_both() {
    let fixture = in_sqlite().await;
    let reason = refusal(open(fixture.path(), Some(PARTITIONS + 5)).await);
    for wanted in ["--partitions", "9", "4"] {
        assert!(reason.contains(wanted), "{wanted:?} is missing in {reason:?}");
    }
}

#[tokio::test]
async fn a_number_of_partitions_out_of_range_is_refused() {
    for partitions in [0, 1025] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        let reason = refusal(open(path.clone(), Some(partitions)).await);
        assert!(reason.contains("--partitions") && reason.contains("1024"), "{reason:?}");
        open(path, None).await.expect("nothing was created by the refused attempt");
    }
}

#[tokio::test]
async fn a_ledger_that_needs_a_later_build_is_refused() {
    let fixture = in_sqlite().await;
    fixture.stranger().await.execute("UPDATE ledger SET lowest_reader_version = 2").await.unwrap();
    let reason = refusal(open(fixture.path(), None).await);
    assert!(reason.contains("upgrade"), "{reason:?}");
}

#[tokio::test]
async fn a_ledger_migrated_by_a_later_build_is_refused() {
    let fixture = in_sqlite().await;
    let later = "INSERT INTO migration (number, name) VALUES (9999, 'later')";
    fixture.stranger().await.execute(later).await.unwrap();
    let reason = refusal(open(fixture.path(), None).await);
    assert!(reason.contains("later build"), "{reason:?}");
}

#[tokio::test]
async fn a_closed_ledger_fails_instead_of_waiting() {
    let fixture = in_sqlite().await;
    fixture.ledger.close().await;
    let read = fixture.ledger.heads().await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
}

/// Polls the append that often and then drops it, wherever it stands.
async fn drop_after_polls(ledger: &SqliteLedger, number: u64, polls: usize) -> bool {
    let batch = [append(number, 1)];
    let mut appending = pin!(ledger.append(&batch));
    let mut left = polls;
    poll_fn(|context| match (left, appending.as_mut().poll(context)) {
        (_, Poll::Ready(_)) => Poll::Ready(true),
        (0, Poll::Pending) => Poll::Ready(false),
        (_, Poll::Pending) => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_dropped_at_any_await_leaves_no_open_transaction() {
    let fixture = in_sqlite().await;
    let mut finished = false;
    let mut last = 0;
    for polls in 0.. {
        let number = 2 * polls as u64;
        finished = finished || drop_after_polls(&fixture.ledger, number, polls).await;
        let next = fixture.ledger.append(&[append(number + 1, 1)]).await;
        let Ok(Some(appended)) = &next else { panic!("after {polls} polls: {next:?}") };
        let [Appended::At(position)] = appended[..] else { panic!("{appended:?}") };
        let dropped = PaymentId::from_uuid(Uuid::from_u64_pair(0, number));
        let written = fixture.ledger.load(dropped).await.unwrap().len() as u64;
        assert_eq!(position, last + 1 + written, "after {polls} polls");
        last = position;
        if finished {
            break;
        }
    }
}
