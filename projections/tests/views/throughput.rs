//! How many events a second the whole projector takes, in release:
//! `cargo test --release -p daybook-projections --test views -- --ignored --nocapture throughput`

use std::sync::Arc;

use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::payment::CaptureMethod;
use daybook_projections::Outcome;

use crate::book::Book;
use crate::history::History;
use crate::tables::{Desk, Store, millis_since};
use crate::topic::Published;

const PAYMENTS: usize = 100_000;

#[tokio::test]
#[ignore = "a measurement"]
async fn throughput_on_sqlite() {
    throughput_of_authorizations(Store::Sqlite).await;
}

#[tokio::test]
#[ignore = "a measurement"]
async fn throughput_on_postgres() {
    throughput_of_authorizations(Store::Postgres).await;
}

#[tokio::test]
#[ignore = "a measurement"]
async fn throughput_of_the_topic_on_postgres() {
    let mut history = History::new();
    for payment in 0..PAYMENTS {
        history.authorize(u8::try_from(payment % 251).unwrap(), 1_000, CaptureMethod::Manual);
        history.conclude_open(payment, true, 1_000);
    }
    let published = Published::all_of(&history.recorded);
    let desk = Desk::open(Store::Postgres).await;
    let (mut projector, _) = published.projector(&desk);
    let (mut events, mut commits) = (0, 0);
    let (start, cpu_start) = (SystemClock.now(), cpu_millis());
    while events < history.recorded.len() {
        if let Outcome::Applied(applied) = projector.project_once().await.unwrap() {
            (events, commits) = (events + applied, commits + 1);
        }
    }
    let (millis, cpu) = (millis_since(start), cpu_millis() - cpu_start);
    let a_second = events as i64 * 1_000 / millis.max(1);
    println!(
        "topic: {events} events in {commits} commits, {millis} ms ({cpu} ms of CPU): {a_second} events/s"
    );
}

async fn throughput_of_authorizations(store: Store) {
    let mut history = History::new();
    for payment in 0..PAYMENTS {
        history.authorize(u8::try_from(payment % 251).unwrap(), 1_000, CaptureMethod::Manual);
        history.conclude_open(payment, true, 1_000);
    }
    // As under load: each commit finds what some 50 ms brought.
    for per_batch in [500, 2_000] {
        let desk = Desk::open(store).await;
        measure(&desk, &history, per_batch).await;
    }
    let desk = Desk::open(store).await;
    measure(&desk, &history, history.recorded.len()).await;
}

async fn measure(desk: &Desk, history: &History, per_batch: usize) {
    let book = Arc::new(Book::default());
    let mut projector = desk.projector(&book);
    let (mut events, mut commits, mut millis, mut cpu) = (0, 0, 0, 0);
    for chunk in history.recorded.chunks(per_batch) {
        book.add(chunk);
        let (start, cpu_start) = (SystemClock.now(), cpu_millis());
        while let Outcome::Applied(applied) = projector.project_once().await.unwrap() {
            (events, commits) = (events + applied, commits + 1);
        }
        millis += millis_since(start);
        cpu += cpu_millis() - cpu_start;
    }
    let a_second = events as i64 * 1_000 / millis.max(1);
    println!(
        "{events} events in {commits} commits, {millis} ms ({cpu} ms of CPU): {a_second} events/s"
    );
}

/// CPU time of this process, user and system; 0 where the platform does not tell.
fn cpu_millis() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<i64>().ok()).sum::<i64>() * 10
}
