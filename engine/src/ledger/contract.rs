//! What every ledger store promises, as tests: one list of cases, the same on each store.

mod appends;
mod conflicts;
mod reads;
mod sample;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Erasure, Ledger};

/// A ledger under test, fresh, and used by no other test.
#[async_trait]
pub trait LedgerFixture: Send + Sync {
    /// Has [`PARTITIONS`] partitions.
    fn ledger(&self) -> Arc<dyn Ledger>;

    /// The same ledger as another process sees it; a store that lives in its process gives the
    /// first one again.
    async fn elsewhere(&self) -> Arc<dyn Ledger>;

    /// The same ledger, for whoever may erase texts.
    async fn erasure(&self) -> Arc<dyn Erasure>;
}

/// The number of partitions that a fixture creates its ledger with.
pub const PARTITIONS: u16 = 4;

/// A test of a fixture.
pub type CaseRun = for<'a> fn(&'a dyn LedgerFixture) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs one case of [`CASES`].
///
/// # Panics
/// When the ledger breaks the promise, or there is no such case.
pub async fn run(name: &str, fixture: &dyn LedgerFixture) {
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

        /// Makes one test of each case: after `ledger_contract!(sqlite, on_sqlite)` they are
        /// `sqlite::…`, and `sqlite::CASES` are their names. `on_sqlite` is an async function here
        /// that returns a [`LedgerFixture`](crate::ledger::contract::LedgerFixture).
        #[macro_export]
        macro_rules! ledger_contract {
            ($dollar store:ident, $dollar open:ident) => {
                mod $dollar store {
                    pub(crate) const CASES: &[&str] = &[$($(stringify!($case),)+)+];

                    $($(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $case() {
                            let fixture = super::$dollar open().await;
                            $dollar crate::ledger::contract::run(stringify!($case), &fixture).await;
                        }
                    )+)+
                }
            };
        }
    };
}

cases! { $
    appends:
        positions_are_gapless_and_in_batch_order
        each_partition_counts_for_itself
        an_append_of_several_events_answers_with_the_last_position
        consecutive_versions_may_stand_in_one_batch
        an_empty_batch_is_appended
        an_append_without_events_is_refused
        an_event_that_no_transport_takes_is_refused
        heads_agree_with_the_events
        concurrent_appenders_leave_no_gap
        appenders_in_two_processes_leave_no_gap
        a_large_batch_is_appended_whole;
    conflicts:
        a_conflict_writes_nothing
        a_payment_twice_in_one_batch_is_a_conflict
        a_version_gap_is_a_conflict
        positions_follow_on_after_a_conflict
        the_tolerant_path_writes_all_but_the_culprit
        the_tolerant_path_refuses_a_version_gap
        the_tolerant_path_refuses_what_was_decided_on_a_conflict
        the_tolerant_path_recognises_its_own_events
        the_tolerant_path_recognises_a_part_of_its_batch
        the_tolerant_path_refuses_half_of_its_own_events
        the_tolerant_path_refuses_a_repeat_within_the_batch
        competing_appends_have_one_winner;
    reads:
        an_unknown_payment_has_no_events_and_no_texts
        a_payment_is_loaded_in_version_order
        every_field_comes_back_as_it_was_written
        a_digest_is_that_of_the_events_read
        texts_come_back_with_their_salt
        an_erased_text_reads_as_none_and_the_others_stay
        a_conflicting_append_leaves_no_text
        a_stretch_starts_in_the_middle_and_stops_at_its_limit
        a_stretch_beyond_the_head_is_empty
        stretches_of_several_partitions_come_in_order
        overlapping_stretches_give_each_event_once
        a_partition_is_walked_payment_by_payment
        a_walk_goes_on_where_it_stopped
        what_is_appended_is_seen_elsewhere_at_once
        the_identity_is_the_same_elsewhere;
}
