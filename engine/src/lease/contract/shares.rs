//! Who holds what, while everybody is alive.

use super::*;

pub(super) async fn a_holder_alone_gets_everything(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    for _ in 0..3 {
        assert_eq!(share(&*store, 1).await, all());
    }
}

pub(super) async fn a_second_holder_gets_its_fair_share_once_the_first_has_renewed(
    fixture: &dyn LeaseFixture,
) {
    let (first, second) = (fixture.store(), fixture.elsewhere().await);
    assert_eq!(share(&*first, 1).await, all());
    assert_eq!(share(&*second, 2).await, [], "everything is still held");
    let left = share(&*first, 1).await;
    let taken = share(&*second, 2).await;
    assert_eq!((left.len(), taken.len()), (4, 3), "who was there first keeps the odd one");
    let mut both = [left, taken].concat();
    both.sort_unstable();
    assert_eq!(both, all());
}

pub(super) async fn shares_settle_to_a_difference_of_at_most_one(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    let mut told = Told::default();
    for holders in 1..=usize::from(PARTITIONS) {
        told.settle(&*store, 0..holders).await;
        told.assert_fair();
    }
    for gone in 0..usize::from(PARTITIONS) - 1 {
        leave(&*store, gone).await;
        told.0.remove(&gone);
        told.settle(&*store, gone + 1..usize::from(PARTITIONS)).await;
        told.assert_fair();
    }
}

pub(super) async fn what_has_settled_stays_where_it_is(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    let mut told = Told::default();
    told.settle(&*store, 0..3).await;
    let settled = told.0.clone();
    for number in [2, 0, 1, 1, 2, 0, 0] {
        told.share(&*store, number).await;
        assert_eq!(told.0, settled);
    }
}

pub(super) async fn no_partition_is_held_by_two(fixture: &dyn LeaseFixture) {
    let stores = [fixture.store(), fixture.elsewhere().await];
    let mut told = Told::default();
    // Every order in which four of them come, go and come back within a few steps.
    let mut random = 7_usize;
    for _ in 0..120 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (number, store) = (random >> 33 & 3, &*stores[random >> 40 & 1]);
        if random >> 50 & 3 == 0 {
            leave(store, number).await;
            told.0.remove(&number);
        } else {
            told.share(store, number).await;
        }
    }
}

pub(super) async fn no_partition_is_held_by_two_that_ask_at_once(fixture: &dyn LeaseFixture) {
    let stores = [fixture.store(), fixture.elsewhere().await];
    let asking = (0..4_usize).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move {
            let mut last = Vec::new();
            for _ in 0..20 {
                last = share(&*store, number).await;
            }
            (number, last)
        })
    });
    let asking: Vec<_> = asking.collect();
    let mut told = Told::default();
    for asked in asking {
        let (number, last) = asked.await.expect("a holder ends");
        told.0.insert(number, last);
    }
    told.assert_nothing_twice();
    told.settle(&*stores[0], 0..4).await;
    told.assert_fair();
}

pub(super) async fn with_more_holders_than_partitions_the_spare_ones_step_in(
    fixture: &dyn LeaseFixture,
) {
    let store = fixture.store();
    let holders = usize::from(PARTITIONS) + 2;
    let mut told = Told::default();
    told.settle(&*store, 0..holders).await;
    told.assert_fair();
    let working = |told: &Told| -> Vec<usize> {
        told.0.iter().filter(|(_, share)| !share.is_empty()).map(|(number, _)| *number).collect()
    };
    let first = working(&told);
    assert_eq!(first.len(), usize::from(PARTITIONS), "{told:?}");
    leave(&*store, first[0]).await;
    told.0.remove(&first[0]);
    for number in 0..holders {
        if number != first[0] {
            told.share(&*store, number).await;
        }
    }
    told.assert_fair();
    assert!(first[1..].iter().all(|number| working(&told).contains(number)), "{told:?}");
}

pub(super) async fn roles_do_not_disturb_each_other(fixture: &dyn LeaseFixture) {
    let store = fixture.store();
    assert_eq!(share(&*store, 1).await, all());
    let other = LeaseRole::Projections;
    for number in [1, 2] {
        let found = store.share(other, holder(number), HOLD).await.expect("the store answers");
        assert_eq!(found, if number == 1 { all() } else { Vec::new() });
    }
    store.leave(other, holder(1)).await.expect("the store answers");
    assert_eq!(store.share(other, holder(2), HOLD).await.expect("the store answers"), all());
    assert_eq!(share(&*store, 1).await, all());
}
