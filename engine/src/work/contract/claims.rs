//! Claims: who may act on a payment, in which order, and until when.

use super::*;

pub(super) async fn an_operation_opened_twice_is_one_row(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let opened = item(1, 1, fixture.now().await);
    open(&*store, &[opened]).await;
    put_back(&*store, &claim_one(&*store).await, Duration::ZERO, false).await;
    open(&*store, &[opened]).await;
    assert_eq!(claim_one(&*store).await.item.attempts, 1, "the row that stood there stays");
    assert_eq!(store.counts(&[P0]).await.expect("the store answers").open, 1);
}

pub(super) async fn closing_takes_item_and_claim(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let (first, second) = (item(1, 1, now), item(1, 2, now));
    open(&*store, &[first, second, item(2, 1, now.plus_millis(MINUTE_MS))]).await;
    let held = claim_one(&*store).await;
    apply(&*store, &[close(&first)]).await;
    assert_eq!(claim_one(&*store).await.item, second, "the payment is free at once");
    put_back(&*store, &held, Duration::ZERO, true).await;
    apply(&*store, &[close(&first)]).await;
    assert_eq!(claim(&*store).await, [], "the second operation is still held");
    apply(&*store, &[close(&second)]).await;
    fixture.advance(HOLD).await;
    assert_eq!(claim_one(&*store).await.item, item(2, 1, now.plus_millis(MINUTE_MS)));
}

pub(super) async fn two_claimers_never_hold_the_same_payment(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let items: Vec<_> =
        (0..100).flat_map(|number| [item(number, 1, now), item(number, 2, now)]).collect();
    open(&*store, &items).await;
    let claimers = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while held.len() <= 100 {
                let claims = store.claim(&[P0], HOLD, 3).await.expect("the store answers");
                if claims.is_empty() {
                    break;
                }
                held.extend(claims);
            }
            held
        })
    });
    let claimers: Vec<_> = claimers.collect();
    let mut held = Vec::new();
    for claimer in claimers {
        held.extend(claimer.await.expect("a claimer ends"));
    }
    let mut payments: Vec<_> = held.iter().map(|claim| claim.item.payment_id).collect();
    payments.sort_unstable();
    let expected: Vec<_> = (0..100).map(payment).collect();
    assert_eq!(payments, expected, "each payment is held once");
    let mut tokens: Vec<_> = held.iter().map(|claim| claim.token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 100, "each claim has a token of its own");
}

pub(super) async fn operations_of_a_payment_go_in_order_of_version(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    // Due in the opposite order, and version 10 sorts before 9 as text.
    let items = [item(1, 10, now.plus_millis(-9)), item(1, 2, now), item(1, 9, now)];
    open(&*store, &items).await;
    let order: Vec<_> = drain(&*store).await.iter().map(|item| item.version).collect();
    assert_eq!(order, [2, 9, 10]);
}

pub(super) async fn a_later_operation_waits_behind_one_that_is_not_due(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let (first, second) = (item(1, 1, now.plus_millis(MINUTE_MS)), item(1, 2, now));
    open(&*store, &[first, second]).await;
    assert_eq!(claim(&*store).await, []);
    fixture.advance(MINUTE).await;
    assert_eq!(claim_one(&*store).await.item, first);
}

pub(super) async fn what_is_due_longest_is_claimed_first(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let ago = |millis: i64| now.plus_millis(-millis);
    let elsewhere = WorkItem { partition: P1, ..item(2, 1, ago(300)) };
    let items = [item(1, 1, ago(200)), elsewhere, item(3, 1, ago(100)), item(4, 1, ago(400))];
    open(&*store, &items).await;
    let mut order = Vec::new();
    for limit in [3, 0, 3] {
        let claims = store.claim(&[P0, P1], HOLD, limit).await.expect("the store answers");
        let expected_until = now.plus_millis(HOLD_MS);
        for claim in &claims {
            assert!(claim.until >= expected_until, "{claim:?} is held for {HOLD:?}");
        }
        order.push(claims.iter().map(|claim| claim.item).collect::<Vec<_>>());
    }
    assert_eq!(order, [vec![items[3], items[1], items[0]], vec![], vec![items[2]]]);
}

pub(super) async fn a_claim_that_ran_out_is_taken_over(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let opened = item(1, 1, fixture.now().await);
    open(&*store, &[opened]).await;
    let old = claim_one(&*store).await;
    assert_eq!(claim(&*store).await, [], "held");
    fixture.advance(HOLD).await;
    let new = claim_one(&*store).await;
    assert_eq!(new.item, opened, "a claim that ran out is no attempt");
    assert_ne!(new.token, old.token);
    put_back(&*store, &old, Duration::ZERO, true).await;
    assert_eq!(claim(&*store).await, [], "the old holder gives nothing back");
    put_back(&*store, &new, Duration::ZERO, false).await;
    let third = claim_one(&*store).await;
    assert_eq!((third.item.attempts, third.item.flagged), (1, false));
}

pub(super) async fn putting_back_counts_the_attempt_and_delays(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let opened = item(1, 1, fixture.now().await);
    open(&*store, &[opened]).await;
    for attempts in 0..3 {
        let held = claim_one(&*store).await;
        let found = WorkItem { due_at: opened.due_at, ..held.item };
        assert_eq!(found, WorkItem { attempts, ..opened });
        let before = fixture.now().await;
        put_back(&*store, &held, MINUTE, false).await;
        assert_eq!(claim(&*store).await, [], "not due before the delay is over");
        put_back(&*store, &held, MINUTE, false).await;
        fixture.advance(MINUTE).await;
        let due_at = claim_one(&*store).await.item.due_at;
        assert!(due_at >= before.plus_millis(MINUTE_MS), "due at {due_at}, put back at {before}");
        fixture.advance(HOLD).await;
    }
}

pub(super) async fn a_flag_stays(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    open(&*store, &[item(1, 1, fixture.now().await)]).await;
    for (flagged, expected) in [(false, false), (true, true), (false, true)] {
        put_back(&*store, &claim_one(&*store).await, Duration::ZERO, flagged).await;
        let counts = store.counts(&[P0]).await.expect("the store answers");
        assert_eq!(counts.flagged, u64::from(expected), "after it was put back: {flagged}");
    }
    assert!(claim_one(&*store).await.item.flagged);
}

pub(super) async fn what_waits_behind_a_flagged_operation_is_flagged_when_it_is_as_old(
    fixture: &mut dyn Fixture,
) {
    let store = fixture.store();
    let now = fixture.now().await;
    let first = item(1, 1, now.plus_millis(-200));
    let (as_old, younger) = (item(1, 2, now.plus_millis(-100)), item(1, 3, now));
    let of_another_payment = item(2, 1, now.plus_millis(MINUTE_MS));
    let older = WorkItem { opened_at: first.opened_at, ..of_another_payment };
    open(&*store, &[first, as_old, younger, older]).await;
    let held = claim_one(&*store).await;
    let flagged_since = as_old.opened_at;
    store.put_back(&held, MINUTE, flagged_since).await.expect("a claim is put back");
    fixture.advance(MINUTE).await;
    let told = |item: &WorkItem| (item.operation_id, item.attempts, item.flagged);
    let mut found: Vec<_> = drain(&*store).await.iter().map(told).collect();
    found.sort_unstable();
    let expected = [
        (first.operation_id, 1, true),
        (as_old.operation_id, 0, true),
        (younger.operation_id, 0, false),
        (older.operation_id, 0, false),
    ];
    assert_eq!(found, expected);
}

pub(super) async fn an_inquiry_has_its_own_due_time_and_leaves_the_claim_to_its_holder(
    fixture: &mut dyn Fixture,
) {
    let store = fixture.store();
    let now = fixture.now().await;
    let (asked, behind) = (item(1, 1, now), item(1, 2, now));
    open(&*store, &[asked, behind, item(2, 1, now)]).await;
    let held = claim(&*store).await;
    let due_at = now.plus_millis(MINUTE_MS);
    apply(&*store, &[inquire(&asked, due_at)]).await;
    fixture.advance(MINUTE).await;
    assert_eq!(claim(&*store).await, [], "due, and both are still held");
    store.release(&held[0], Duration::ZERO).await.expect("a claim is released");
    assert_eq!(claim_one(&*store).await.item, WorkItem { due_at, attempts: 1, ..asked });
    apply(&*store, &[close(&asked)]).await;
    assert_eq!(claim_one(&*store).await.item, behind, "the one behind it is as it was");
}

pub(super) async fn a_claim_is_released_by_its_holder_alone(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let opened = item(1, 1, fixture.now().await);
    open(&*store, &[opened]).await;
    let old = claim_one(&*store).await;
    fixture.advance(HOLD).await;
    let new = claim_one(&*store).await;
    // What the old holder was told is recorded only now: the new one may be calling.
    apply(&*store, &[inquire(&opened, opened.due_at)]).await;
    store.release(&old, MINUTE).await.expect("a claim that has passed on is let be");
    assert_eq!(claim(&*store).await, [], "the new holder still has it");
    store.release(&new, MINUTE).await.expect("a claim is released");
    let third = claim_one(&*store).await;
    assert_eq!(third.item, WorkItem { attempts: 1, ..opened }, "no more than the inquiry");
}

pub(super) async fn a_released_operation_waits_for_the_fold_of_its_unknown_outcome(
    fixture: &mut dyn Fixture,
) {
    let store = fixture.store();
    let opened = item(1, 1, fixture.now().await);
    open(&*store, &[opened]).await;
    let held = claim_one(&*store).await;
    store.release(&held, MINUTE).await.expect("a claim is released");
    assert_eq!(claim(&*store).await, [], "the event is recorded, and its fold is still to come");
    apply(&*store, &[inquire(&opened, opened.due_at)]).await;
    assert_eq!(claim_one(&*store).await.item, WorkItem { attempts: 1, ..opened });
}

fn inquire(item: &WorkItem, due_at: Timestamp) -> WorkChange {
    let WorkItem { partition, payment_id, operation_id, .. } = *item;
    WorkChange::Inquire { partition, payment_id, operation_id, due_at }
}

pub(super) async fn partitions_not_asked_for_are_not_touched(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    // The same payment id in both, so that nothing but the partition tells them apart.
    let (here, there) = (item(1, 1, now), WorkItem { partition: P1, ..item(1, 1, now) });
    let gone = ExpiryItem { partition: P1, ..expiry(1, now) };
    open(&*store, &[here, there]).await;
    apply(&*store, &[WorkChange::Expiry(expiry(1, now)), WorkChange::Expiry(gone)]).await;
    assert_eq!(store.claim(&[], HOLD, 100).await.expect("the store answers"), []);
    let claims = store.claim(&[P1], HOLD, 100).await.expect("the store answers");
    assert_eq!(claims.iter().map(|claim| claim.item).collect::<Vec<_>>(), [there]);
    assert_eq!(store.due_expiries(&[P1], 100).await.expect("the store answers"), [gone]);
    apply(&*store, &[close(&there)]).await;
    assert_eq!(claim_one(&*store).await.item, here);
    assert_eq!(store.counts(&[P1]).await.expect("the store answers").open, 0);
}
