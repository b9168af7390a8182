//! The schema in Postgres: made by its owner, needed by everyone else.

use std::process::Output;

use daybook_engine::postgres::scratch::ScratchDatabase;
use sqlx::Executor;
use tokio::process::Command;

use crate::flows::authorized;
use crate::harness::{Daybook, binary};
use crate::store::Book;

async fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().await.unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_schema_is_refused_naming_what_to_do() {
    let database = ScratchDatabase::create().await;
    let url = format!("--database-url={}", database.server_url());
    for command in ["serve", "verify"] {
        let refused = run(&[command, &url, "--listen=127.0.0.1:0"]).await;
        let message = said(&refused);
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(message.contains("run `daybook migrate`"), "{message}");
        assert!(!message.contains(":daybook@"), "the password is shown: {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_again_changes_nothing() {
    let database = ScratchDatabase::create().await;
    let url = format!("--database-url={}", database.owner_url());
    let first = run(&["migrate", &url, "--partitions=5"]).await;
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    for name in [
        "0001_ledger",
        "0002_work",
        "0003_views",
        "0005_parked",
        "0006_feed",
        "0007_days",
        "0008_seals",
        "0009_rebuild",
    ] {
        assert!(said(&first).contains(&format!("applied {name}")), "{}", said(&first));
    }
    let again = run(&["migrate", &url]).await;
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    let other = run(&["migrate", &url, "--partitions=6"]).await;
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
    assert!(said(&other).contains("--partitions"), "{}", said(&other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_serving_role_may_not_migrate() {
    let database = ScratchDatabase::create().await;
    let refused = run(&["migrate", &format!("--database-url={}", database.server_url())]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("as the owner"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_schema_is_refused_and_migrated_on_request() {
    let database = ScratchDatabase::create().await;
    let url = format!("--database-url={}", database.owner_url());
    assert!(run(&["migrate", &url]).await.status.success());
    // As a database looks to a build that knows one migration more.
    let older = "DELETE FROM migration WHERE number IN (3, 5, 6, 7, 9, 10, 11);
        DROP SCHEMA daybook_analytics, daybook_rebuild CASCADE;
        DROP TABLE view_cursor, payment, operation, refund, settlement, settlement_line, balance,
            parked, posting, payment_text, erased_text;
        DROP FUNCTION literal(bigint), literal(text), literal(uuid), literal(date),
            literal(timestamptz), day_text(date)";
    database.stranger().await.execute(sqlx::raw_sql(older)).await.unwrap();
    let refused = run(&["serve", &url, "--listen=127.0.0.1:0"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    for part in ["0003_views", "daybook migrate", "--migrate"] {
        assert!(said(&refused).contains(part), "{part} is missing: {}", said(&refused));
    }
    // The owner may let `serve` do it.
    let owner = Book::Owner(database);
    let daybook = Daybook::start_on(owner.into(), &["--migrate"]).await;
    authorized(&daybook, "k1", 1000).await;
    daybook.verify_until(", the views 0 events behind").await;
}

/// The tables of views and ledger that are there.
async fn tables(database: &ScratchDatabase) -> (Option<String>, Option<String>) {
    sqlx::query_as("SELECT to_regclass('payment')::text, to_regclass('event')::text")
        .fetch_one(&mut database.stranger().await)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_may_stand_in_a_database_of_their_own() {
    let (ledger, views) = (ScratchDatabase::create().await, ScratchDatabase::create().await);
    let of_owner = [
        format!("--database-url={}", ledger.owner_url()),
        format!("--views-url={}", views.owner_url()),
    ];
    let migrated = run(&["migrate", &of_owner[0], &of_owner[1]]).await;
    assert!(migrated.status.success(), "{}", said(&migrated));
    ledger.grant().await;
    views.grant().await;
    assert_eq!(tables(&ledger).await, (None, Some("event".to_owned())));
    assert_eq!(tables(&views).await, (Some("payment".to_owned()), None));
    let views_url = format!("--views-url={}", views.server_url());
    let daybook = Daybook::start_on(Book::Postgres(ledger).into(), &[&views_url]).await;
    authorized(&daybook, "k1", 1000).await;
    daybook
        .list_until("/api/v1/payments", |list| list["items"].as_array().unwrap().len() == 1)
        .await;
    let verified = daybook.command("verify", &[&views_url]).await;
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    // The views must go before the process that uses them.
    drop(daybook);
    drop(views);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_a_dependency() {
    let url = "--database-url=postgres://app:secret@127.0.0.1:1/daybook";
    for command in ["serve", "verify", "migrate"] {
        let failed = run(&[command, url, "--listen=127.0.0.1:0"]).await;
        let message = said(&failed);
        assert_eq!(failed.status.code(), Some(3), "{command}: {message}");
        assert!(message.contains("127.0.0.1:1") && !message.contains("secret"), "{message}");
    }
}
