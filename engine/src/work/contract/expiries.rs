//! Expiries: due in order, waiting while an operation refuses them, never forgotten.

use super::*;
use crate::work::ExpiryEnd;

pub(super) async fn expiries_come_due_in_order(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let elsewhere = ExpiryItem { partition: P1, ..expiry(2, now.plus_millis(MINUTE_MS / 2)) };
    let (first, last) = (expiry(3, now), expiry(1, now.plus_millis(MINUTE_MS)));
    apply(&*store, &[last, elsewhere, first].map(WorkChange::Expiry)).await;
    assert_eq!(due_expiries(&*store).await, [first]);
    fixture.advance(MINUTE).await;
    assert_eq!(due_expiries(&*store).await, [first, elsewhere, last]);
    assert_eq!(
        store.due_expiries(&[P0, P1], 2).await.expect("the store answers"),
        [first, elsewhere]
    );
}

pub(super) async fn a_settled_expiry_is_gone(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let (done, other) = (expiry(1, now), expiry(2, now));
    apply(&*store, &[done, other].map(WorkChange::Expiry)).await;
    settle(&*store, done, ExpiryEnd::Done).await;
    assert_eq!(due_expiries(&*store).await, [other]);
    apply(&*store, &[WorkChange::RetryExpiry(done)]).await;
    assert_eq!(due_expiries(&*store).await, [other]);
}

pub(super) async fn a_refused_expiry_is_due_again_when_its_operation_ends(
    fixture: &mut dyn Fixture,
) {
    for (number, verb) in [(1, Verb::Capture), (2, Verb::Void)] {
        let store = fixture.store();
        let now = fixture.now().await;
        let pending = WorkItem { verb, ..item(number, 2, now) };
        let refused = expiry(number, now);
        apply(&*store, &[WorkChange::Open(pending), WorkChange::Expiry(refused)]).await;
        settle(&*store, refused, ExpiryEnd::Waits).await;
        fixture.advance(MINUTE).await;
        assert_eq!(due_expiries(&*store).await, [], "it waits for the {verb:?}");
        let retry = expiry(number, fixture.now().await);
        apply(&*store, &[close(&pending), WorkChange::RetryExpiry(retry)]).await;
        assert_eq!(due_expiries(&*store).await, [retry], "the {verb:?} has ended");
        settle(&*store, retry, ExpiryEnd::Done).await;
        apply(&*store, &[WorkChange::RetryExpiry(retry)]).await;
        assert_eq!(due_expiries(&*store).await, [], "it waited once");
    }
}

pub(super) async fn a_refusal_whose_operation_has_ended_is_due_again_in_a_moment(
    fixture: &mut dyn Fixture,
) {
    let store = fixture.store();
    let now = fixture.now().await;
    let refused = expiry(1, now);
    // A refund refuses no expiry, and its outcome raises none again.
    let refund = WorkItem { verb: Verb::Refund, ..item(1, 3, now) };
    apply(&*store, &[WorkChange::Open(refund), WorkChange::Expiry(refused)]).await;
    // The capture that refused it was concluded before the refusal came here.
    apply(&*store, &[close(&item(1, 2, now)), WorkChange::RetryExpiry(refused)]).await;
    settle(&*store, refused, ExpiryEnd::Waits).await;
    assert_eq!(due_expiries(&*store).await, [], "not at once");
    fixture.advance(MINUTE).await;
    let due = due_expiries(&*store).await;
    assert_eq!(due.len(), 1, "{due:?}");
    assert_eq!((due[0].partition, due[0].payment_id), (P0, payment(1)));
    settle(&*store, due[0], ExpiryEnd::Done).await;
    assert_eq!(due_expiries(&*store).await, []);
}

pub(super) async fn an_expiry_settled_by_another_does_not_come_back(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let (met, waiting) = (expiry(1, now), expiry(2, now));
    apply(&*store, &[WorkChange::Open(item(2, 2, now))]).await;
    apply(&*store, &[met, waiting].map(WorkChange::Expiry)).await;
    for done in [met, waiting] {
        settle(&*store, done, ExpiryEnd::Done).await;
        settle(&*store, done, ExpiryEnd::Waits).await;
        apply(&*store, &[WorkChange::RetryExpiry(done)]).await;
    }
    fixture.advance(MINUTE).await;
    assert_eq!(due_expiries(&*store).await, []);
    assert_eq!(store.counts(&[P0]).await.expect("the store answers").expiries_waiting, 0);
}

pub(super) async fn a_retry_without_a_refusal_does_nothing(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let later = expiry(1, now.plus_millis(MINUTE_MS));
    apply(&*store, &[WorkChange::Expiry(later)]).await;
    apply(&*store, &[expiry(1, now), expiry(2, now)].map(WorkChange::RetryExpiry)).await;
    assert_eq!(due_expiries(&*store).await, []);
    fixture.advance(MINUTE).await;
    assert_eq!(due_expiries(&*store).await, [later]);
}

async fn settle(store: &dyn WorkStore, item: ExpiryItem, end: ExpiryEnd) {
    store.settle_expiries(&[(item, end)]).await.expect("an expiry is settled");
}
