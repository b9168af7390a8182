//! What every lease store promises, as tests: one list of cases, the same on each store.

mod lives;
mod shares;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{LeaseRole, LeaseStore};
use crate::ids::Partition;

/// A store under test, fresh, with leases for [`PARTITIONS`] partitions, and its clock.
#[async_trait]
pub trait LeaseFixture: Send + Sync {
    fn store(&self) -> Arc<dyn LeaseStore>;

    /// The same store as another process opens it; one that lives in its process gives the first
    /// one again.
    async fn elsewhere(&self) -> Arc<dyn LeaseStore>;

    /// Moves the store's clock on.
    async fn advance(&self, by: Duration);
}

/// A number that neither two nor three divide, so that fair shares differ.
pub const PARTITIONS: u16 = 7;

/// A test of a fixture.
pub type CaseRun = for<'a> fn(&'a dyn LeaseFixture) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs one case of [`CASES`].
///
/// # Panics
/// When the store breaks the promise, or there is no such case.
pub async fn run(name: &str, fixture: &dyn LeaseFixture) {
    let case = CASES.iter().find(|(known, _)| *known == name);
    let (_, run) = case.unwrap_or_else(|| panic!("there is no case {name}"));
    run(fixture).await;
}

/// Writes down the cases once: as [`CASES`], and as the macro that makes a test of each.
macro_rules! cases {
    ($dollar:tt $($module:ident: $($case:ident)+;)+) => {
        /// Every case by name.
        pub const CASES: &[(&str, CaseRun)] =
            &[$($((stringify!($case), |fixture| Box::pin($module::$case(fixture))),)+)+];

        /// Makes one test of each case: after `lease_contract!(memory, in_memory)` they are
        /// `memory::…`, and `memory::CASES` are their names. `in_memory` is an async function here
        /// that returns a [`LeaseFixture`](crate::lease::contract::LeaseFixture).
        #[macro_export]
        macro_rules! lease_contract {
            ($dollar store:ident, $dollar open:ident) => {
                mod $dollar store {
                    pub(crate) const CASES: &[&str] = &[$($(stringify!($case),)+)+];

                    $($(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $case() {
                            let fixture = super::$dollar open().await;
                            $dollar crate::lease::contract::run(stringify!($case), &fixture).await;
                        }
                    )+)+
                }
            };
        }
    };
}

cases! { $
    shares:
        a_holder_alone_gets_everything
        a_second_holder_gets_its_fair_share_once_the_first_has_renewed
        shares_settle_to_a_difference_of_at_most_one
        what_has_settled_stays_where_it_is
        no_partition_is_held_by_two
        no_partition_is_held_by_two_that_ask_at_once
        with_more_holders_than_partitions_the_spare_ones_step_in
        roles_do_not_disturb_each_other;
    lives:
        a_holder_that_stops_renewing_loses_its_share_after_its_hold
        a_renewed_share_is_not_taken_over
        a_holder_that_comes_back_late_takes_part_again
        a_holder_that_comes_back_before_anybody_else_keeps_its_share
        leaving_frees_at_once
        who_holds_nothing_may_leave;
}

const ROLE: LeaseRole = LeaseRole::Workers;
/// Longer than a case takes, so that a store whose clock runs by itself keeps these promises too.
const HOLD: Duration = Duration::from_secs(600);

fn holder(number: usize) -> Uuid {
    Uuid::from_u128(0x40 << 120 | number as u128)
}

async fn share(store: &dyn LeaseStore, number: usize) -> Vec<Partition> {
    store.share(ROLE, holder(number), HOLD).await.expect("the store answers")
}

async fn leave(store: &dyn LeaseStore, number: usize) {
    store.leave(ROLE, holder(number)).await.expect("the store answers");
}

fn all() -> Vec<Partition> {
    Partition::all(PARTITIONS).collect()
}

/// What each holder was told last, checked to be no other's.
#[derive(Debug, Default)]
struct Told(BTreeMap<usize, Vec<Partition>>);

impl Told {
    async fn share(&mut self, store: &dyn LeaseStore, number: usize) {
        let share = share(store, number).await;
        assert!(share.is_sorted(), "{share:?}");
        self.0.insert(number, share);
        self.assert_nothing_twice();
    }

    /// As often as it takes shares to settle.
    async fn settle(&mut self, store: &dyn LeaseStore, numbers: std::ops::Range<usize>) {
        for _ in 0..4 {
            for number in numbers.clone() {
                self.share(store, number).await;
            }
        }
    }

    fn assert_nothing_twice(&self) {
        let mut held: Vec<_> = self.0.values().flatten().collect();
        held.sort_unstable();
        let count = held.len();
        held.dedup();
        assert_eq!(held.len(), count, "a partition is held twice: {self:?}");
    }

    fn assert_fair(&self) {
        let counts: Vec<_> = self.0.values().map(Vec::len).collect();
        let (least, most) = (counts.iter().min(), counts.iter().max());
        assert!(least.zip(most).is_some_and(|(least, most)| most - least <= 1), "{self:?}");
        assert_eq!(counts.iter().sum::<usize>(), usize::from(PARTITIONS), "{self:?}");
    }
}
