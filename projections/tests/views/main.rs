//! The views from outside: a history is written to a ledger, projected, read and checked.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod book;
mod erasing;
mod history;
mod kafka;
mod pages;
mod parking;
mod postgres_days;
mod postgres_line;
mod projecting;
mod properties;
#[path = "../../../engine/tests/ledger_contract/proxy.rs"]
#[expect(dead_code, reason = "not every fault that it knows is met here")]
mod proxy;
mod sqlite_bytes;
mod tables;
mod throughput;
mod topic;
mod verifying;

/// Writes down the cases once; `on_store!` makes one test of each for a store.
macro_rules! cases {
    ($dollar:tt $($group:ident: $($case:ident)*;)*) => {
        const CASES: &[&str] = &[$($(concat!(stringify!($group), "::", stringify!($case)),)*)*];

        macro_rules! on_store {
            ($dollar name:ident, $dollar store:expr) => {
                mod $dollar name {
                    pub(crate) const CASES: &[&str] =
                        &[$($(concat!(stringify!($group), "::", stringify!($case)),)*)*];

                    $(mod $group {
                        $(
                            #[tokio::test]
                            async fn $case() {
                                crate::$group::$case($dollar store).await;
                            }
                        )*
                    })*
                }
            };
        }
    };
}

cases! { $
    erasing:
        a_text_read_before_it_was_erased_does_not_come_in_after
        erasing_takes_out_what_is_there_once_and_spares_others;
    pages:
        every_list_is_in_order_and_holds_every_row_once
        every_order_and_its_opposite_hold_the_same_rows
        every_filter_holds_back_what_it_must
        rows_are_found_by_their_payments_texts_in_every_order
        a_search_by_texts_is_as_far_as_their_view
        a_list_of_one_merchant_holds_no_other_merchants_rows
        rows_that_arrive_between_two_pages_move_nothing
        a_page_says_how_far_its_view_is
        a_cursor_of_another_list_or_of_nobody_is_refused
        a_cursor_changed_in_any_part_is_refused
        lines_can_be_asked_for_by_currency_and_day
        a_sum_beyond_64_bits_is_refused_not_wrapped;
    parking:
        a_damaged_event_parks_its_payment_and_the_others_go_on
        an_event_that_does_not_fit_parks_its_payment
        an_event_that_the_rows_refuse_is_found_and_parks_its_payment
        several_payments_of_one_batch_are_parked_together
        what_is_parked_stays_so_until_it_is_mended
        a_payment_taken_up_again_is_counted_once
        a_payment_is_taken_up_again_beside_a_running_projector
        a_view_that_stood_behind_leaves_out_only_what_it_can_t_read
        a_partition_with_too_many_parked_payments_stands_still;
    projecting:
        a_rival_that_stands_elsewhere_is_refused_and_changes_nothing
        two_projectors_side_by_side_apply_every_event_once
        projectors_that_share_partitions_apply_every_event_once
        a_projector_takes_over_where_another_has_stopped
        an_apply_dropped_at_any_await_leaves_rows_and_cursors_together
        a_repeat_is_skipped
        a_gap_in_the_feed_is_refilled_from_the_ledger
        a_position_that_the_ledger_lost_stops_its_partition_only
        another_event_at_a_known_position_stops_everything
        a_ledger_that_ends_before_a_cursor_stops_everything
        an_event_of_a_later_build_stops_the_projector_and_says_upgrade
        an_event_of_an_older_version_is_folded_as_today_s
        a_view_that_stands_behind_the_others_catches_up_alone
        the_next_batch_is_read_while_a_full_one_is_written
        what_was_read_ahead_is_dropped_where_the_views_were_set_back
        views_opened_again_go_on_where_they_stood
        views_set_back_under_an_idle_projector_are_built_again
        the_run_loop_wakes_up_applies_and_stops;
    topic:
        views_from_the_topic_are_those_from_the_ledger
        an_event_of_an_older_version_is_published_as_it_stands_and_folded_as_today_s
        reading_goes_on_at_the_offset_that_stands_with_the_cursors
        views_that_came_from_the_ledger_go_on_from_the_topic_s_end
        what_is_none_of_the_relay_s_is_put_aside_with_its_cause_and_origin
        a_forged_record_never_enters_a_view
        a_record_that_is_gone_repeated_or_out_of_turn_changes_nothing
        a_lost_tail_is_refilled_from_the_ledger
        what_retention_dropped_is_refilled_from_the_ledger
        a_topic_created_again_is_read_from_its_beginning
        an_outage_makes_the_views_wait_and_they_go_on_by_themselves
        two_projectors_on_one_topic_apply_every_event_once
        another_event_in_the_ledger_at_a_known_position_still_stops_everything;
    verifying:
        one_changed_cell_is_named
        a_missing_row_and_an_extra_row_are_named_in_every_table
        lag_is_no_difference
        a_cursor_that_the_ledger_does_not_have_is_named
        many_differences_are_counted_and_only_the_first_are_kept;
}

on_store!(sqlite, crate::tables::Store::Sqlite);
on_store!(postgres, crate::tables::Store::Postgres);

#[test]
fn every_store_runs_every_case() {
    for (store, cases) in [("sqlite", sqlite::CASES), ("postgres", postgres::CASES)] {
        assert_eq!(cases, CASES, "{store}");
    }
}
