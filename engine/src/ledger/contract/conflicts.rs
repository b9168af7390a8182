use super::LedgerFixture;
use super::sample::{Answering, append, payment};
use crate::ledger::Appended::{At, Conflict};

pub(super) async fn a_conflict_writes_nothing(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 2)]).await;
    let before = (ledger.everything().await, ledger.heads().await);
    for taken in [1, 2] {
        let batch = [
            append(payment(0, 2), 1, 1),
            append(payment(0, 1), taken, 2),
            append(payment(1, 3), 1, 1),
        ];
        assert_eq!(ledger.append(&batch).await, None, "version {taken}");
        let after = (ledger.everything().await, ledger.heads().await);
        assert_eq!(after, before, "version {taken}");
    }
}

pub(super) async fn a_payment_twice_in_one_batch_is_a_conflict(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch = [append(payment(0, 1), 1, 1), append(payment(0, 1), 1, 1)];
    assert_eq!(ledger.append(&batch).await, None);
    assert_eq!(ledger.everything().await, []);
}

pub(super) async fn a_version_gap_is_a_conflict(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let unknown = [append(payment(0, 1), 2, 1)];
    assert_eq!(ledger.append(&unknown).await, None, "no version 1 in the ledger");
    let known = append(payment(0, 2), 1, 1);
    ledger.write(&[known]).await;
    let gap = [append(payment(0, 2), 3, 1)];
    assert_eq!(ledger.append(&gap).await, None, "no version 2 in the ledger");
    let gap = [append(payment(0, 3), 1, 1), append(payment(0, 3), 3, 1)];
    assert_eq!(ledger.append(&gap).await, None, "no version 2 in the batch");
    let disordered = [append(payment(0, 3), 2, 1), append(payment(0, 3), 1, 1)];
    assert_eq!(ledger.append(&disordered).await, None, "version 2 before version 1");
    assert_eq!(ledger.everything().await.len(), 1);
}

pub(super) async fn positions_follow_on_after_a_conflict(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 1)]).await;
    let batch = [append(payment(0, 2), 1, 1), append(payment(0, 1), 1, 1)];
    assert_eq!(ledger.append(&batch).await, None);
    assert_eq!(ledger.write(&[append(payment(0, 3), 1, 1)]).await, [2]);
    ledger.assert_sound().await;
}

pub(super) async fn the_tolerant_path_writes_all_but_the_culprit(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 2)]).await;
    let batch = [
        append(payment(0, 2), 1, 1),
        append(payment(0, 1), 2, 1),
        append(payment(1, 3), 1, 2),
        append(payment(0, 4), 1, 1),
    ];
    let appended = ledger.append_tolerant(&batch).await;
    assert_eq!(appended, [At(3), Conflict, At(2), At(4)]);
    assert_eq!(ledger.load(payment(0, 1)).await.len(), 2);
    ledger.assert_sound().await;
}

pub(super) async fn the_tolerant_path_refuses_a_version_gap(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 1)]).await;
    let batch = [
        append(payment(0, 1), 3, 1),
        append(payment(0, 2), 2, 1),
        append(payment(0, 3), 1, 1),
        append(payment(0, 3), 3, 1),
    ];
    let appended = ledger.append_tolerant(&batch).await;
    assert_eq!(appended, [Conflict, Conflict, At(2), Conflict]);
    ledger.assert_sound().await;
}

/// Another process captured at version 2; ours did too, and then decided version 3 on that.
pub(super) async fn the_tolerant_path_refuses_what_was_decided_on_a_conflict(
    fixture: &dyn LedgerFixture,
) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 2)]).await;
    let batch = [append(payment(0, 1), 2, 1), append(payment(0, 1), 3, 1)];
    assert_eq!(ledger.append_tolerant(&batch).await, [Conflict, Conflict]);
    assert_eq!(ledger.load(payment(0, 1)).await.len(), 2);
}

pub(super) async fn the_tolerant_path_recognises_its_own_events(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch =
        [append(payment(0, 1), 1, 2), append(payment(1, 2), 1, 1), append(payment(0, 1), 3, 1)];
    let positions = ledger.write(&batch).await;
    assert_eq!(positions, [2, 1, 3]);
    ledger.write(&[append(payment(0, 1), 4, 1)]).await;
    let before = ledger.everything().await;
    assert_eq!(ledger.append_tolerant(&batch).await, [At(2), At(1), At(3)]);
    assert_eq!(ledger.everything().await, before);
}

pub(super) async fn the_tolerant_path_recognises_a_part_of_its_batch(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let batch =
        [append(payment(0, 1), 1, 1), append(payment(0, 1), 2, 1), append(payment(0, 2), 1, 1)];
    ledger.write(&batch[..1]).await;
    assert_eq!(ledger.append_tolerant(&batch).await, [At(1), At(2), At(3)]);
    ledger.assert_sound().await;
}

pub(super) async fn the_tolerant_path_refuses_half_of_its_own_events(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let mut longer = append(payment(0, 1), 1, 2);
    let mut shorter = longer.clone();
    shorter.events.truncate(1);
    ledger.write(&[shorter]).await;
    assert_eq!(ledger.append_tolerant(&[longer.clone()]).await, [Conflict]);
    ledger.write(&[append(payment(0, 1), 2, 1)]).await;
    assert_eq!(ledger.append_tolerant(&[longer.clone()]).await, [Conflict]);
    longer.events.reverse();
    assert_eq!(ledger.append_tolerant(&[longer]).await, [Conflict]);
    assert_eq!(ledger.everything().await.len(), 2);
}

pub(super) async fn the_tolerant_path_refuses_a_repeat_within_the_batch(
    fixture: &dyn LedgerFixture,
) {
    let ledger = Answering::here(fixture);
    let same = append(payment(0, 1), 1, 1);
    let batch = [same.clone(), append(payment(0, 1), 1, 1), same];
    assert_eq!(ledger.append_tolerant(&batch).await, [At(1), Conflict, At(1)]);
    assert_eq!(ledger.everything().await.len(), 1);
}

pub(super) async fn competing_appends_have_one_winner(fixture: &dyn LedgerFixture) {
    let ledgers = [Answering::here(fixture), Answering::elsewhere(fixture).await];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let ledger = ledgers[task % 2].clone();
        let batch = [append(payment(2, 1), 1, 1)];
        tasks.spawn(async move {
            match ledger.append(&batch).await {
                Some(appended) => appended[0],
                None => ledger.append_tolerant(&batch).await[0],
            }
        });
    }
    let answers = tasks.join_all().await;
    let winners = answers.iter().filter(|answer| **answer == At(1)).count();
    assert_eq!(winners, 1, "{answers:?}");
    assert_eq!(ledgers[0].everything().await.len(), 1);
}
