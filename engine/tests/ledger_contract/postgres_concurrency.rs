//! Several processes on one ledger, and strangers beside them.

use std::sync::Arc;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::contract::PARTITIONS;
use daybook_engine::ledger::{Append, Appended, Ledger, Stretch};
use sqlx::Executor;
use uuid::Uuid;

use crate::in_postgres::{in_postgres, open};
use crate::in_sqlite::append;

fn everything() -> Vec<Stretch> {
    let all = Partition::all(PARTITIONS);
    all.map(|partition| Stretch { partition, from: 1, limit: u32::MAX }).collect()
}

/// An append to a payment of that partition; no two numbers are the same payment.
fn append_to(partition: u64, number: u64) -> Append {
    let payment_id = PaymentId::from_uuid(Uuid::from_u64_pair(partition, number));
    Append { payment_id, ..append(number, 1) }
}

/// Every process's batches touch all partitions, each in an order of its own: whoever locked them as
/// they come would wait for the other, and the other for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_overlap_in_any_order_neither_deadlock_nor_leave_a_gap() {
    const PROCESSES: u64 = 5;
    const BATCHES: u64 = 40;
    const APPENDS: u64 = 24;
    let fixture = in_postgres().await;
    let mut tasks = tokio::task::JoinSet::new();
    for process in 0..PROCESSES {
        let ledger = open(&fixture.database.server_settings()).await.unwrap();
        tasks.spawn(async move {
            let mut answers = Vec::new();
            for batch in 0..BATCHES {
                let first = (process * BATCHES + batch) * APPENDS;
                let partition = |nth: u64| match process % 2 {
                    0 => (nth + batch) % u64::from(PARTITIONS),
                    _ => (APPENDS - nth + batch) % u64::from(PARTITIONS),
                };
                let appends: Vec<Append> =
                    (0..APPENDS).map(|nth| append_to(partition(nth), first + nth)).collect();
                let appended = if (process + batch) % 4 == 0 {
                    ledger.append_tolerant(&appends).await.unwrap()
                } else {
                    ledger.append(&appends).await.unwrap().expect("no conflict")
                };
                answers.extend(appends.into_iter().map(|append| append.payment_id).zip(appended));
            }
            answers
        });
    }
    let answers: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let events = fixture.ledger.read(&everything()).await.unwrap();
    assert_eq!(events.len(), answers.len());
    for head in fixture.ledger.heads().await.unwrap() {
        let here = events.iter().filter(|event| event.partition == head.partition);
        let positions: Vec<u64> = here.map(|event| event.position).collect();
        assert_eq!(positions, (1..=head.position).collect::<Vec<_>>(), "{head:?}");
    }
    for (payment_id, answer) in answers {
        let event = events.iter().find(|event| event.payment_id == payment_id).unwrap();
        assert_eq!(answer, Appended::At(event.position), "{event:?}");
    }
    let deadlocks: i64 = sqlx::query_scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(&mut fixture.database.stranger().await)
    .await
    .unwrap();
    assert_eq!(deadlocks, 0);
}

/// A payment's versions come from two processes in turn, so that each decides on what the other wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_take_turns_on_one_payment_see_each_others_events() {
    let fixture = in_postgres().await;
    let other = Arc::new(open(&fixture.database.server_settings()).await.unwrap());
    for version in 1..=20 {
        let ledger = if version % 2 == 0 { &fixture.ledger } else { &other };
        let appended = ledger.append(&[append(1, version)]).await.unwrap();
        assert_eq!(appended, Some(vec![Appended::At(version.into())]), "version {version}");
    }
}

#[tokio::test]
async fn a_transaction_held_open_elsewhere_delays_neither_appends_nor_readers() {
    let fixture = in_postgres().await;
    fixture.ledger.append(&[append(1, 1)]).await.unwrap().unwrap();
    let mut writing = fixture.database.stranger().await;
    writing
        .execute("CREATE TABLE other (id integer); BEGIN; INSERT INTO other VALUES (1)")
        .await
        .unwrap();
    let mut reading = fixture.database.stranger().await;
    reading
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM event")
        .await
        .unwrap();
    let elsewhere = open(&fixture.database.server_settings()).await.unwrap();
    for version in 2..=20 {
        let position = u64::from(version);
        let appended = fixture.ledger.append(&[append(1, version)]).await.unwrap();
        assert_eq!(appended, Some(vec![Appended::At(position)]));
        let seen = elsewhere.read(&everything()).await.unwrap();
        assert_eq!(seen.len() as u64, position, "at once, while both are open");
        assert_eq!(elsewhere.heads().await.unwrap()[0].position, position);
        assert_eq!(elsewhere.load(append(1, 1).payment_id).await.unwrap(), seen);
    }
    for mut open in [writing, reading] {
        open.execute("COMMIT").await.unwrap();
    }
}
