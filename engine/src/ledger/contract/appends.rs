use std::sync::Arc;

use super::sample::{append, assert_sound, everything, payment, position, write};
use super::{LedgerFixture, PARTITIONS};
use crate::ids::Partition;
use crate::ledger::{Append, Head, Ledger, StoreError};

pub(super) async fn positions_are_gapless_and_in_batch_order(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let batch: Vec<Append> = (0..5).map(|number| append(payment(1, number), 1, 1)).collect();
    assert_eq!(write(&*ledger, &batch[..3]).await, [1, 2, 3]);
    assert_eq!(write(&*ledger, &batch[3..]).await, [4, 5]);
    let found: Vec<_> = everything(&*ledger).await.iter().map(|event| event.event_id).collect();
    let given: Vec<_> = batch.iter().map(|append| append.events[0].event_id).collect();
    assert_eq!(found, given);
}

pub(super) async fn each_partition_counts_for_itself(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let batch = [3, 0, 3, 1, 0, 3]
        .map(|partition| (partition, payment(partition, 7 + u64::from(partition))));
    let mut versions = [0; PARTITIONS as usize];
    let batch = batch.map(|(partition, payment_id)| {
        versions[usize::from(partition)] += 1;
        append(payment_id, versions[usize::from(partition)], 1)
    });
    assert_eq!(write(&*ledger, &batch).await, [1, 1, 2, 1, 2, 3]);
    let heads: Vec<u64> = ledger.heads().await.unwrap().iter().map(|head| head.position).collect();
    assert_eq!(heads, [2, 1, 0, 3]);
    assert_sound(&*ledger).await;
}

pub(super) async fn an_append_of_several_events_answers_with_the_last_position(
    fixture: &dyn LedgerFixture,
) {
    let ledger = fixture.ledger();
    let batch = [append(payment(2, 1), 1, 3), append(payment(2, 2), 1, 1)];
    assert_eq!(write(&*ledger, &batch).await, [3, 4]);
    let more = [append(payment(2, 1), 4, 2)];
    let appended = ledger.append_tolerant(&more).await.unwrap();
    assert_eq!(appended.into_iter().map(position).collect::<Vec<_>>(), [6]);
    assert_sound(&*ledger).await;
}

pub(super) async fn consecutive_versions_may_stand_in_one_batch(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let (one, other) = (payment(0, 1), payment(0, 2));
    let batch = [append(one, 1, 1), append(other, 1, 2), append(one, 2, 2), append(one, 4, 1)];
    assert_eq!(write(&*ledger, &batch).await, [1, 3, 5, 6]);
    let more = [append(one, 5, 1), append(one, 6, 1)];
    let appended = ledger.append_tolerant(&more).await.unwrap();
    assert_eq!(appended.into_iter().map(position).collect::<Vec<_>>(), [7, 8]);
    assert_sound(&*ledger).await;
}

pub(super) async fn an_empty_batch_is_appended(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    assert_eq!(ledger.append(&[]).await.unwrap(), Some(Vec::new()));
    assert_eq!(ledger.append_tolerant(&[]).await.unwrap(), Vec::new());
    assert_eq!(everything(&*ledger).await, []);
}

pub(super) async fn an_append_without_events_is_refused(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let batch = [append(payment(0, 1), 1, 1), append(payment(0, 2), 1, 0)];
    let strict = ledger.append(&batch).await;
    assert!(matches!(strict, Err(StoreError::Refused(_))), "{strict:?}");
    let tolerant = ledger.append_tolerant(&batch).await;
    assert!(matches!(tolerant, Err(StoreError::Refused(_))), "{tolerant:?}");
    assert_eq!(everything(&*ledger).await, []);
}

pub(super) async fn heads_agree_with_the_events(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let empty: Vec<Head> =
        Partition::all(PARTITIONS).map(|partition| Head { partition, position: 0 }).collect();
    assert_eq!(ledger.heads().await.unwrap(), empty);
    for round in 0..10 {
        let batch: Vec<Append> = (0..round)
            .map(|number| append(payment((number % 3) as u16, round * 10 + number), 1, 2))
            .collect();
        write(&*ledger, &batch).await;
        assert_sound(&*ledger).await;
    }
}

pub(super) async fn concurrent_appenders_leave_no_gap(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    appenders_leave_no_gap(&[Arc::clone(&ledger), ledger]).await;
}

pub(super) async fn appenders_in_two_processes_leave_no_gap(fixture: &dyn LedgerFixture) {
    appenders_leave_no_gap(&[fixture.ledger(), fixture.elsewhere().await]).await;
}

/// Many tasks, each appending to payments of its own and to one that all share.
async fn appenders_leave_no_gap(ledgers: &[Arc<dyn Ledger>; 2]) {
    const TASKS: u64 = 12;
    const ROUNDS: u32 = 6;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let ledger = Arc::clone(&ledgers[usize::from(task % 2 == 1)]);
        tasks.spawn(async move {
            for version in 1..=ROUNDS {
                let partition = (task % u64::from(PARTITIONS)) as u16;
                let own = append(payment(partition, 100 + task), version, 1);
                let shared = append(payment(3, 1), version, 1);
                let appended = ledger.append_tolerant(&[own, shared]).await.unwrap();
                position(appended[0]);
                let next = [append(payment(partition, 200 + task), version, 1)];
                write(&*ledger, &next).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_sound(&*ledgers[0]).await;
    let events = everything(&*ledgers[0]).await;
    let shared = events.iter().filter(|event| event.payment_id == payment(3, 1)).count() as u64;
    assert_eq!(shared, u64::from(ROUNDS), "one winner for each version of the shared payment");
    assert_eq!(events.len() as u64, TASKS * u64::from(ROUNDS) * 2 + shared);
}

pub(super) async fn a_large_batch_is_appended_whole(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let batch: Vec<Append> =
        (0..700).map(|number| append(payment((number % 4) as u16, number), 1, 1)).collect();
    write(&*ledger, &batch).await;
    let again = ledger.append_tolerant(&batch).await.unwrap();
    assert_eq!(again.into_iter().map(position).max(), Some(175));
    assert_eq!(everything(&*ledger).await.len(), 700);
    assert_sound(&*ledger).await;
}
