//! Rows and cursors: one transaction, compare-and-set, and what a restart finds.

use super::*;
use crate::acquirer::AcquirerLimits;
use crate::work::{ExpiryEnd, InquirySchedule, WorkBatch, WorkCounts, WorkFold};

pub(super) async fn rows_and_cursor_move_together(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    assert_eq!(
        store.cursors(&[P1, P0]).await.expect("the store answers"),
        vec![Cursor::default(); 2]
    );
    let opened = item(1, 1, fixture.now().await);
    let moves = [(P0, Cursor::default(), cursor(3)), (P1, Cursor::default(), cursor(7))];
    assert!(store.apply(&[WorkChange::Open(opened)], &moves).await.expect("the store answers"));
    assert_eq!(store.cursors(&[P1, P0]).await.expect("the store answers"), [cursor(7), cursor(3)]);
    assert!(
        store
            .apply(&[close(&opened)], &[(P0, cursor(3), cursor(4))])
            .await
            .expect("the store answers")
    );
    assert_eq!(store.cursors(&[P0, P1]).await.expect("the store answers"), [cursor(4), cursor(7)]);
    assert_eq!(claim(&*store).await, []);
}

pub(super) async fn a_zombie_is_refused_and_changes_nothing(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let (start, now) = (Cursor::default(), fixture.now().await);
    let live = item(1, 1, now);
    let moves = [(P0, start, cursor(5)), (P1, start, cursor(1))];
    assert!(store.apply(&[WorkChange::Open(live)], &moves).await.expect("the store answers"));
    let changes = [
        WorkChange::Open(item(2, 1, now)),
        close(&live),
        WorkChange::Expiry(expiry(3, now)),
        WorkChange::RetryExpiry(expiry(4, now)),
    ];
    for stale in [start, cursor(4), cursor(6)] {
        // The other partition's cursor stands where it is said to, and must not move either.
        let moves = [(P1, cursor(1), cursor(2)), (P0, stale, cursor(9))];
        assert!(!store.apply(&changes, &moves).await.expect("the store answers"), "from {stale:?}");
    }
    assert_eq!(store.cursors(&[P0, P1]).await.expect("the store answers"), [cursor(5), cursor(1)]);
    assert_eq!(due_expiries(&*store).await, []);
    assert_eq!(claim_one(&*store).await.item, live);
}

pub(super) async fn a_cursor_is_compared_by_its_event_too(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    assert!(
        store.apply(&[], &[(P0, Cursor::default(), cursor(5))]).await.expect("the store answers")
    );
    let other = Cursor { position: 5, event_id: cursor(6).event_id };
    for event_id in [other.event_id, None] {
        let from = Cursor { event_id, ..other };
        assert!(
            !store.apply(&[], &[(P0, from, cursor(6))]).await.expect("the store answers"),
            "from {from:?}"
        );
    }
    assert_eq!(store.cursors(&[P0]).await.expect("the store answers"), [cursor(5)]);
}

pub(super) async fn what_is_written_survives_reopening(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let moves = [(P0, Cursor::default(), cursor(3))];
    let changes = [
        WorkChange::Open(item(1, 1, now)),
        WorkChange::Open(item(2, 1, now)),
        WorkChange::Expiry(expiry(1, now)),
        WorkChange::Expiry(expiry(3, now)),
    ];
    assert!(store.apply(&changes, &moves).await.expect("the store answers"));
    let claims = claim(&*store).await;
    put_back(&*store, &claims[0], MINUTE, true).await;
    let refused = [(expiry(1, now), ExpiryEnd::Waits)];
    store.settle_expiries(&refused).await.expect("the store answers");
    drop(store);
    if !fixture.reopen().await {
        return;
    }
    let store = fixture.store();
    assert_eq!(store.cursors(&[P0]).await.expect("the store answers"), [cursor(3)]);
    assert_eq!(due_expiries(&*store).await, [expiry(3, now)]);
    apply(&*store, &[WorkChange::RetryExpiry(expiry(1, now))]).await;
    assert_eq!(due_expiries(&*store).await, [expiry(1, now), expiry(3, now)]);
    fixture.advance(MINUTE).await;
    let first = claim_one(&*store).await.item;
    assert_eq!(first.payment_id, claims[0].item.payment_id, "the other is still claimed");
    assert_eq!((first.attempts, first.flagged), (1, true));
    put_back(&*store, &claims[1], Duration::ZERO, false).await;
    assert_eq!(claim_one(&*store).await.item.payment_id, claims[1].item.payment_id);
}

pub(super) async fn a_rebuilt_store_holds_the_same_items(fixture: &mut dyn Fixture) {
    let limits = AcquirerLimits {
        call: MINUTE,
        send_window: MINUTE,
        processing: MINUTE,
        key_lifetime: Duration::from_secs(86_400),
    };
    let fold = WorkFold::new(&limits, &InquirySchedule::default());
    let events = history(fixture.now().await);
    let mut found = Vec::new();
    for (store, batch_len) in [(fixture.store(), 1), (fixture.empty().await, 7)] {
        let mut from = Cursor::default();
        for events in events.chunks(batch_len) {
            let mut batch = WorkBatch::default();
            for (recorded, event) in events {
                batch.add(fold.fold(recorded, event));
            }
            let to = events.last().map_or(from, |(recorded, _)| Cursor::at(recorded));
            let moves = [(P0, from, to)];
            assert!(
                store.apply(&batch.into_changes(), &moves).await.expect("the store answers"),
                "{moves:?}"
            );
            from = to;
        }
        found.push(store);
    }
    fixture.advance(Duration::from_secs(30 * 86_400)).await;
    let expiries = [due_expiries(&*found[0]).await, due_expiries(&*found[1]).await];
    assert_eq!(expiries[0], expiries[1]);
    let items = [drain(&*found[0]).await, drain(&*found[1]).await];
    assert_eq!(items[0], items[1]);
    let open: Vec<_> = items[0].iter().map(|item| (item.verb, item.attempts)).collect();
    let expected =
        [(Verb::Capture, 0), (Verb::Refund, 1), (Verb::Reverse, 0), (Verb::Authorize, 0)];
    assert_eq!(open, expected, "the history leaves these open, in order of due time");
    assert_eq!(expiries[0].len(), 3, "{expiries:?}");
}

pub(super) async fn rows_are_counted_by_kind(fixture: &mut dyn Fixture) {
    let store = fixture.store();
    let now = fixture.now().await;
    let younger = WorkItem { opened_at: now.plus_millis(1), ..item(1, 2, now) };
    open(&*store, &[item(1, 1, now), younger, item(2, 1, now), item(3, 1, now)]).await;
    open(&*store, &[WorkItem { partition: P1, ..item(9, 1, now) }]).await;
    let later = expiry(8, now.plus_millis(MINUTE_MS));
    apply(&*store, &[expiry(1, now), expiry(2, now), later].map(WorkChange::Expiry)).await;
    store.settle_expiries(&[(expiry(1, now), ExpiryEnd::Waits)]).await.expect("the store answers");
    let claims = store.claim(&[P0], HOLD, 100).await.expect("the store answers");
    put_back(&*store, &claims[0], MINUTE, true).await;
    let counts = store.counts(&[P0]).await.expect("the store answers");
    let expected =
        WorkCounts { open: 4, flagged: 1, claimed: 2, expiries_due: 1, expiries_waiting: 1 };
    assert_eq!(counts, expected);
    fixture.advance(HOLD).await;
    let counts = store.counts(&[P0, P1]).await.expect("the store answers");
    let expected =
        WorkCounts { open: 5, flagged: 1, claimed: 0, expiries_due: 2, expiries_waiting: 1 };
    assert_eq!(counts, expected, "claims that ran out are not counted");
}
