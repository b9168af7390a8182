use super::sample::{Answering, append, payment, position};
use super::{LedgerFixture, PARTITIONS};
use crate::ids::Partition;
use crate::ledger::{Append, Head, MAX_EVENT_BYTES, StoreError};

pub(super) async fn positions_are_gapless_and_in_batch_order(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch: Vec<Append> = (0..5).map(|number| append(payment(1, number), 1, 1)).collect();
    assert_eq!(ledger.write(&batch[..3]).await, [1, 2, 3]);
    assert_eq!(ledger.write(&batch[3..]).await, [4, 5]);
    let found: Vec<_> = ledger.everything().await.iter().map(|event| event.event_id).collect();
    let given: Vec<_> = batch.iter().map(|append| append.events[0].event_id).collect();
    assert_eq!(found, given);
}

pub(super) async fn each_partition_counts_for_itself(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch = [3, 0, 3, 1, 0, 3]
        .map(|partition| (partition, payment(partition, 7 + u64::from(partition))));
    let mut versions = [0; PARTITIONS as usize];
    let batch = batch.map(|(partition, payment_id)| {
        versions[usize::from(partition)] += 1;
        append(payment_id, versions[usize::from(partition)], 1)
    });
    assert_eq!(ledger.write(&batch).await, [1, 1, 2, 1, 2, 3]);
    let heads: Vec<u64> = ledger.heads().await.iter().map(|head| head.position).collect();
    assert_eq!(heads, [2, 1, 0, 3]);
    ledger.assert_sound().await;
}

pub(super) async fn an_append_of_several_events_answers_with_the_last_position(
    fixture: &dyn LedgerFixture,
) {
    let ledger = Answering::here(fixture);
    let batch = [append(payment(2, 1), 1, 3), append(payment(2, 2), 1, 1)];
    assert_eq!(ledger.write(&batch).await, [3, 4]);
    let more = [append(payment(2, 1), 4, 2)];
    let appended = ledger.append_tolerant(&more).await;
    assert_eq!(appended.into_iter().map(position).collect::<Vec<_>>(), [6]);
    ledger.assert_sound().await;
}

pub(super) async fn consecutive_versions_may_stand_in_one_batch(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let (one, other) = (payment(0, 1), payment(0, 2));
    let batch = [append(one, 1, 1), append(other, 1, 2), append(one, 2, 2), append(one, 4, 1)];
    assert_eq!(ledger.write(&batch).await, [1, 3, 5, 6]);
    let more = [append(one, 5, 1), append(one, 6, 1)];
    let appended = ledger.append_tolerant(&more).await;
    assert_eq!(appended.into_iter().map(position).collect::<Vec<_>>(), [7, 8]);
    ledger.assert_sound().await;
}

pub(super) async fn an_empty_batch_is_appended(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    assert_eq!(ledger.append(&[]).await, Some(Vec::new()));
    assert_eq!(ledger.append_tolerant(&[]).await, Vec::new());
    assert_eq!(ledger.everything().await, []);
}

pub(super) async fn an_append_without_events_is_refused(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let batch = [append(payment(0, 1), 1, 1), append(payment(0, 2), 1, 0)];
    let strict = ledger.append(&batch).await;
    assert!(matches!(strict, Err(StoreError::Refused(_))), "{strict:?}");
    let tolerant = ledger.append_tolerant(&batch).await;
    assert!(matches!(tolerant, Err(StoreError::Refused(_))), "{tolerant:?}");
    assert_eq!(Answering::here(fixture).everything().await, []);
}

pub(super) async fn an_event_that_no_transport_takes_is_refused(fixture: &dyn LedgerFixture) {
    let ledger = fixture.ledger();
    let sized = |number, bytes| {
        let mut append = append(payment(0, number), 1, 2);
        append.events[1].data = "x".repeat(bytes);
        append
    };
    let batch = [append(payment(0, 1), 1, 1), sized(2, MAX_EVENT_BYTES + 1)];
    let strict = ledger.append(&batch).await;
    assert!(matches!(strict, Err(StoreError::Refused(_))), "{strict:?}");
    let tolerant = ledger.append_tolerant(&batch).await;
    assert!(matches!(tolerant, Err(StoreError::Refused(_))), "{tolerant:?}");
    let ledger = Answering::here(fixture);
    assert_eq!(ledger.everything().await, []);
    assert_eq!(ledger.write(&[sized(3, MAX_EVENT_BYTES)]).await, [2]);
}

pub(super) async fn heads_agree_with_the_events(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let empty: Vec<Head> =
        Partition::all(PARTITIONS).map(|partition| Head { partition, position: 0 }).collect();
    assert_eq!(ledger.heads().await, empty);
    for round in 0..10 {
        let batch: Vec<Append> = (0..round)
            .map(|number| append(payment((number % 3) as u16, round * 10 + number), 1, 2))
            .collect();
        ledger.write(&batch).await;
        ledger.assert_sound().await;
    }
}

pub(super) async fn concurrent_appenders_leave_no_gap(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    appenders_leave_no_gap(&[ledger.clone(), ledger]).await;
}

pub(super) async fn appenders_in_two_processes_leave_no_gap(fixture: &dyn LedgerFixture) {
    appenders_leave_no_gap(&[Answering::here(fixture), Answering::elsewhere(fixture).await]).await;
}

/// Many tasks, each appending to payments of its own and to one that all share.
async fn appenders_leave_no_gap(ledgers: &[Answering; 2]) {
    const TASKS: u64 = 12;
    const ROUNDS: u32 = 6;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let ledger = ledgers[usize::from(task % 2 == 1)].clone();
        tasks.spawn(async move {
            for version in 1..=ROUNDS {
                let partition = (task % u64::from(PARTITIONS)) as u16;
                let own = append(payment(partition, 100 + task), version, 1);
                let shared = append(payment(3, 1), version, 1);
                let appended = ledger.append_tolerant(&[own, shared]).await;
                position(appended[0]);
                let next = [append(payment(partition, 200 + task), version, 1)];
                ledger.write(&next).await;
            }
        });
    }
    tasks.join_all().await;
    ledgers[0].assert_sound().await;
    let events = ledgers[0].everything().await;
    let shared = events.iter().filter(|event| event.payment_id == payment(3, 1)).count() as u64;
    assert_eq!(shared, u64::from(ROUNDS), "one winner for each version of the shared payment");
    assert_eq!(events.len() as u64, TASKS * u64::from(ROUNDS) * 2 + shared);
}

pub(super) async fn a_large_batch_is_appended_whole(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch: Vec<Append> =
        (0..700).map(|number| append(payment((number % 4) as u16, number), 1, 1)).collect();
    ledger.write(&batch).await;
    let again = ledger.append_tolerant(&batch).await;
    assert_eq!(again.into_iter().map(position).max(), Some(175));
    assert_eq!(ledger.everything().await.len(), 700);
    ledger.assert_sound().await;
}
