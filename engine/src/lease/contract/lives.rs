//! Who is alive, and what becomes of the share of one who is not.

use super::*;

const MOMENT: Duration = Duration::from_secs(60);

pub(super) async fn a_holder_that_stops_renewing_loses_its_share_after_its_hold(
    fixture: &dyn LeaseFixture,
) {
    let (store, elsewhere) = (fixture.store(), fixture.elsewhere().await);
    let mut told = Told::default();
    told.settle(&*store, 1..3).await;
    fixture.advance(HOLD.checked_sub(MOMENT).expect("a moment is short")).await;
    let before = told.0[&2].clone();
    assert_eq!(share(&*elsewhere, 2).await, before, "the first one's hold is not over");
    fixture.advance(MOMENT).await;
    assert_eq!(share(&*elsewhere, 2).await, all());
}

pub(super) async fn a_renewed_share_is_not_taken_over(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    let mut told = Told::default();
    told.settle(&*store, 1..3).await;
    let settled = told.0.clone();
    for _ in 0..5 {
        fixture.advance(HOLD / 2).await;
        for number in 1..3 {
            told.share(&*store, number).await;
        }
        assert_eq!(told.0, settled);
    }
}

pub(super) async fn a_holder_that_comes_back_late_takes_part_again(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    let mut told = Told::default();
    told.settle(&*store, 1..3).await;
    fixture.advance(HOLD).await;
    assert_eq!(share(&*store, 2).await, all());
    assert_eq!(share(&*store, 1).await, [], "it is all somebody else's now");
    told.settle(&*store, 1..3).await;
    told.assert_fair();
}

pub(super) async fn a_holder_that_comes_back_before_anybody_else_keeps_its_share(
    fixture: &dyn LeaseFixture,
) {
    let store = fixture.store();
    assert_eq!(share(&*store, 1).await, all());
    fixture.advance(HOLD + MOMENT).await;
    assert_eq!(share(&*store, 1).await, all());
    assert_eq!(share(&*store, 2).await, [], "it is alive again");
}

pub(super) async fn leaving_frees_at_once(fixture: &dyn LeaseFixture) {
    let (store, elsewhere) = (fixture.store(), fixture.elsewhere().await);
    let mut told = Told::default();
    told.settle(&*store, 1..3).await;
    leave(&*store, 1).await;
    assert_eq!(share(&*elsewhere, 2).await, all());
    leave(&*elsewhere, 2).await;
    assert_eq!(share(&*store, 3).await, all());
}

pub(super) async fn who_holds_nothing_may_leave(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    leave(&*store, 1).await;
    assert_eq!(share(&*store, 1).await, all());
    leave(&*store, 2).await;
    assert_eq!(share(&*store, 1).await, all());
    leave(&*store, 1).await;
    leave(&*store, 1).await;
    assert_eq!(share(&*store, 2).await, all());
}
