//! What migrating, opening, closing and abandoning a ledger on Postgres must do.

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::task::Poll;

use daybook_engine::ids::{LedgerId, Partition};
use daybook_engine::ledger::contract::PARTITIONS;
use daybook_engine::ledger::postgres::{MIGRATIONS, PostgresLedger};
use daybook_engine::ledger::{
    Append, Appended, DEFAULT_PARTITIONS, Ledger, LedgerIdentity, StoreError, Stretch,
};
use daybook_engine::postgres::scratch::{ScratchDatabase, Services, settings};
use daybook_engine::postgres::{Migrator, PostgresSettings};
use sqlx::Executor;
use uuid::Uuid;

use crate::in_postgres::{in_postgres, migrate, open};
use crate::in_sqlite::append;

fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn assert_says(reason: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(reason.contains(wanted), "{wanted:?} is missing in {reason:?}");
    }
}

#[tokio::test]
async fn a_new_ledger_has_the_given_id_and_the_default_partitions() {
    let database = ScratchDatabase::create().await;
    let id = LedgerId::from_uuid(Uuid::from_u128(42));
    let mut migrator = Migrator::connect(&database.owner_settings()).await.unwrap();
    let (identity, applied) = PostgresLedger::migrate(&mut migrator, None, id).await.unwrap();
    assert_eq!(applied, MIGRATIONS);
    assert_eq!(identity, LedgerIdentity { id, incarnation: 1, partitions: DEFAULT_PARTITIONS });
    database.grant().await;
    let ledger = open(&database.server_settings()).await.unwrap();
    assert_eq!(ledger.identity(), identity);
    assert_eq!(ledger.heads().await.unwrap().len(), usize::from(DEFAULT_PARTITIONS));
}

#[tokio::test]
async fn a_ledger_keeps_its_identity_and_events_when_it_is_migrated_and_opened_again() {
    let fixture = in_postgres().await;
    let identity = fixture.ledger.identity();
    fixture.ledger.append(&[append(1, 1)]).await.unwrap();
    fixture.ledger.close().await;
    let other_id = LedgerId::from_uuid(Uuid::from_u128(99));
    let mut migrator = Migrator::connect(&fixture.database.owner_settings()).await.unwrap();
    let migrated = PostgresLedger::migrate(&mut migrator, Some(PARTITIONS), other_id).await;
    assert_eq!(migrated.unwrap(), (identity, Vec::new()));
    let again = open(&fixture.database.server_settings()).await.unwrap();
    assert_eq!(again.identity(), identity);
    let after = again.append(&[append(1, 2)]).await.unwrap();
    assert_eq!(after, Some(vec![Appended::At(2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_at_once_agree_on_the_ledger() {
    let database = ScratchDatabase::create().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..6 {
        let settings = database.owner_settings();
        let id = LedgerId::from_uuid(Uuid::from_u128(number));
        tasks.spawn(async move {
            let mut migrator = Migrator::connect(&settings).await.unwrap();
            PostgresLedger::migrate(&mut migrator, None, id).await.unwrap()
        });
    }
    let migrated = tasks.join_all().await;
    assert!(migrated.iter().all(|(identity, _)| *identity == migrated[0].0), "{migrated:?}");
    let applied = migrated.iter().filter(|(_, applied)| !applied.is_empty()).count();
    assert_eq!(applied, 1, "{migrated:?}");
}

#[tokio::test]
async fn another_number_of_partitions_is_refused_naming_both() {
    let fixture = in_postgres().await;
    let other = Some(PARTITIONS + 5);
    let opened = PostgresLedger::open(&fixture.database.server_settings(), other).await;
    assert_says(&refusal(opened), &["--partitions", "9", "4"]);
    let migrated = migrate(&fixture.database, other).await;
    assert_says(&refusal(migrated), &["--partitions", "9", "4"]);
}

#[tokio::test]
async fn a_number_of_partitions_out_of_range_is_refused() {
    let database = ScratchDatabase::create().await;
    for partitions in [0, 1025] {
        let reason = refusal(migrate(&database, Some(partitions)).await);
        assert_says(&reason, &["--partitions", "1024"]);
    }
    let identity = migrate(&database, None).await.unwrap();
    assert_eq!(identity.partitions, DEFAULT_PARTITIONS, "nothing was created by the refused ones");
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_refused_naming_the_command() {
    let database = ScratchDatabase::create().await;
    let settings = database.server_settings();
    assert_says(&refusal(open(&settings).await), &["no daybook schema", "daybook migrate"]);

    let mut migrator = Migrator::connect(&database.owner_settings()).await.unwrap();
    database.grant().await;
    let reason = refusal(open(&settings).await);
    assert_says(&reason, &["old daybook schema", "0001_ledger", "daybook migrate"]);

    migrator.apply(MIGRATIONS).await.unwrap();
    database.grant().await;
    assert_says(&refusal(open(&settings).await), &["no ledger", "daybook migrate"]);
}

#[tokio::test]
async fn a_role_without_its_privileges_is_refused_naming_the_script() {
    let database = ScratchDatabase::create().await;
    migrate(&database, None).await.unwrap();
    let reason = refusal(open(&database.server_settings()).await);
    assert_says(&reason, &["permission denied", "server_role.sql", "daybook_app"]);
}

#[tokio::test]
async fn a_role_that_may_not_migrate_is_refused_naming_the_owner() {
    let database = ScratchDatabase::create().await;
    let reason = refusal(Migrator::connect(&database.server_settings()).await);
    assert_says(&reason, &["permission denied", "daybook migrate", "owner"]);
}

#[tokio::test]
async fn a_ledger_that_needs_a_later_build_is_refused() {
    for statement in [
        "UPDATE ledger SET lowest_reader_version = 2",
        "INSERT INTO migration (number, name, lowest_reader_version) VALUES (9999, 'later', 2)",
    ] {
        let fixture = in_postgres().await;
        fixture.database.stranger().await.execute(statement).await.unwrap();
        let reason = refusal(open(&fixture.database.server_settings()).await);
        assert_says(&reason, &["upgrade"]);
    }
}

#[tokio::test]
async fn a_commit_that_is_not_on_disk_is_refused_naming_the_setting() {
    for value in ["off", "local", "remote_write"] {
        let fixture = in_postgres().await;
        let statement = format!(
            "DO $$ BEGIN
                 EXECUTE format('ALTER DATABASE %I SET synchronous_commit = {value}',
                     current_database());
             END $$"
        );
        let mut stranger = fixture.database.stranger().await;
        stranger.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
        let reason = refusal(open(&fixture.database.server_settings()).await);
        assert_says(&reason, &["synchronous_commit", value, "synchronous_commit = on"]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let settings = settings(&format!("postgres://daybook_app:s3cret@{address}/daybook"));
    let opened = open(&settings).await;
    let Err(error @ StoreError::Unavailable { .. }) = opened else { panic!("{opened:?}") };
    let text = format!("{error} {error:?} {settings:?}");
    assert_says(&text, &[&address.to_string(), "daybook_app"]);
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_closed_ledger_fails_instead_of_waiting() {
    let fixture = in_postgres().await;
    fixture.ledger.append(&[append(1, 1)]).await.unwrap();
    fixture.ledger.close().await;
    let read = fixture.ledger.heads().await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let appended = fixture.ledger.append(&[append(1, 2)]).await;
    assert!(matches!(appended, Err(StoreError::Unavailable { .. })), "{appended:?}");
}

/// Settings that check the server's certificate against this authority.
fn verifying(database: &ScratchDatabase, authority: &Path) -> PostgresSettings {
    let authority = authority.display();
    let url = database.server_url().replace("=disable", "=verify-full");
    settings(&format!("{url}&sslrootcert={authority}"))
}

#[tokio::test]
async fn a_server_proves_itself_by_a_certificate_of_the_given_authority() {
    let fixture = in_postgres().await;
    let running = Services::shared().run(&["up", "postgres"]);
    let (_, authority) = running.iter().find(|(name, _)| name == "POSTGRES_CA").unwrap();
    let ledger = open(&verifying(&fixture.database, Path::new(authority))).await.unwrap();
    assert!(ledger.append(&[append(1, 1)]).await.unwrap().is_some());

    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.crt");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other"])
        .arg("-keyout")
        .arg(directory.path().join("other.key"))
        .arg("-out")
        .arg(&other)
        .output();
    assert!(made.unwrap().status.success());
    let refused = open(&verifying(&fixture.database, &other)).await;
    let Err(StoreError::Unavailable { cause, .. }) = refused else { panic!("{refused:?}") };
    assert_says(&cause, &["certificate"]);
}

/// Polls the append that often and then drops it, wherever it stands; whether it had ended.
async fn drop_after_polls(
    ledger: &PostgresLedger,
    batch: &[Append],
    tolerant: bool,
    polls: usize,
) -> bool {
    let mut appending = pin!(async {
        if tolerant {
            ledger.append_tolerant(batch).await.unwrap();
        } else {
            ledger.append(batch).await.unwrap();
        }
    });
    let mut left = polls;
    poll_fn(|context| match (left, appending.as_mut().poll(context)) {
        (_, Poll::Ready(())) => Poll::Ready(true),
        (0, Poll::Pending) => Poll::Ready(false),
        (_, Poll::Pending) => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_dropped_at_any_await_leaves_nothing_broken() {
    let fixture = in_postgres().await;
    let settings = settings(fixture.database.server_url());
    let mut number = 0;
    let mut written = Vec::new();
    // On a connection that is still to be made, and on one that was used before.
    for (tolerant, is_connected) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut polls = 0;
        loop {
            let ledger = open(&settings).await.unwrap();
            number += 3;
            if is_connected {
                ledger.append(&[append(number, 1)]).await.unwrap().unwrap();
            }
            let dropped = [append(number + 1, 1)];
            let has_ended = drop_after_polls(&ledger, &dropped, tolerant, polls).await;
            let next = [append(number + 2, 1)];
            let answer = ledger.append(&next).await.unwrap().expect("nothing is in its way");
            written.push((next[0].payment_id, answer[0]));
            ledger.close().await;
            if has_ended {
                assert!(polls > 0, "it was dropped at some await");
                break;
            }
            // Working out the password's proof yields hundreds of times.
            polls += 1 + polls / 2;
        }
    }
    let whole = Stretch { partition: Partition::new(0), from: 1, limit: u32::MAX };
    let events = fixture.ledger.read(&[whole]).await.unwrap();
    assert!((1..).zip(&events).all(|(position, event)| event.position == position), "{events:?}");
    for (payment_id, answer) in written {
        let position = events.iter().find(|e| e.payment_id == payment_id).map(|e| e.position);
        assert_eq!(position.map(Appended::At), Some(answer));
    }
}
