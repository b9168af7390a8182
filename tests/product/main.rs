//! The whole product over HTTP, once per store: every case below runs on each of them.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails there")]

mod acquirer;
mod analysts;
mod bad_input;
mod batches;
mod bounds;
mod cancellations;
mod client;
mod contract;
mod crash;
mod dry_runs;
mod durability;
mod erasing;
mod faults;
mod flows;
mod harness;
mod idempotency;
mod integrity;
mod kafka;
mod limits;
mod mixed;
mod older_client;
mod operating;
mod operations;
mod outages;
mod parked;
mod processes;
mod queries;
mod rebuild;
mod refusals;
mod relay;
mod restore;
mod schema;
mod seals;
mod server;
mod settings;
mod store;
mod tour;
mod views;
mod waiting;

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
                            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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
    acquirer:
        killed_under_load_it_executes_nothing_twice
        gone_it_opens_the_breaker_before_intents_pile_up
        slow_beyond_every_limit_it_leaves_nothing_unknown
        late_answers_come_by_themselves;
    analysts:
        every_documented_query_runs_and_finds_what_is_there
        every_view_and_column_has_a_comment;
    erasing:
        erased_texts_are_null_everywhere_and_others_stay
        one_text_alone_can_be_erased_and_bad_requests_say_what_is_wrong;
    queries:
        payments_are_found_by_what_is_known_of_them
        what_belongs_to_payments_is_found_by_them_and_by_sums
        a_list_comes_whole_as_csv
        no_payment_is_missed_or_shown_twice_while_others_are_written;
    refusals:
        every_refusal_by_a_payments_state_has_its_code
        a_payment_takes_two_hundred_operations_and_then_says_so
        what_can_t_be_read_is_refused_and_says_so;
    flows:
        a_payment_is_authorized_captured_and_refunded
        a_sale_answers_at_once_and_captures_by_itself
        a_decline_is_an_outcome
        partial_captures_add_up_and_the_rest_is_voided
        a_final_capture_releases_the_rest
        a_client_that_does_not_wait_gets_202
        another_merchants_payment_is_not_found
        a_payment_is_found_by_the_key_that_created_it
        a_payment_with_texts_shows_them
        an_authorization_expires;
    idempotency:
        a_replay_is_the_same_after_kill_9_and_out_of_the_cache
        a_key_with_another_request_is_refused
        a_replay_over_the_other_routes_has_their_shape
        parallel_duplicates_have_one_effect
        keys_in_header_and_body_must_agree;
    batches:
        a_batch_is_authorized_item_by_item_and_repeated_alike
        items_without_room_are_refused_alone;
    bounds:
        competing_captures_never_exceed_the_authorization
        competing_refunds_never_exceed_the_captured;
    cancellations:
        a_cancellation_voids_refunds_or_does_both_and_is_repeated_alike
        a_cancellation_waits_for_a_pending_capture;
    dry_runs:
        a_dry_run_of_every_verb_leaves_no_trace;
    faults:
        an_unknown_authorization_is_resolved_by_inquiry
        an_authorization_that_never_arrived_is_declined
        a_late_approval_is_reversed
        a_late_capture_is_posted_and_flagged
        duplicate_answers_change_nothing
        a_capture_of_unknown_outcome_counts_until_it_is_known
        a_failed_capture_can_be_repeated
        open_operations_survive_a_restart;
    crash:
        nothing_acknowledged_is_lost_by_kill_9;
    durability:
        no_answer_leaves_before_its_commit_is_synced;
    integrity:
        a_changed_event_byte_is_named
        a_changed_position_is_named
        a_head_that_was_set_back_is_named
        a_forged_incarnation_is_named
        a_text_under_a_changed_name_is_named
        a_changed_posting_is_named
        a_changed_view_cell_is_named
        a_changed_cursor_is_named
        a_changed_cursor_of_the_workers_is_named
        a_changed_cursor_of_the_relay_is_named
        a_second_serve_on_the_same_data_does_no_harm
        lost_views_and_work_rows_are_rebuilt
        the_lost_work_row_of_an_open_capture_is_rebuilt;
    limits:
        a_full_queue_refuses_at_once
        accepted_requests_finish_when_it_stops
        another_number_of_partitions_is_refused;
    older_client:
        the_three_routes_flow_to_refunded
        a_second_capture_is_a_conflict;
    views:
        the_lists_agree_with_the_ledger
        pages_show_every_payment_once
        a_tampered_cursor_of_any_list_is_refused_and_nothing_else;
    bad_input:
        bad_input_is_refused_precisely;
    mixed:
        mixed_traffic_has_one_effect_each;
    operating:
        metrics_and_health_are_served
        verify_runs_beside_a_busy_serve;
    parked:
        a_damaged_event_parks_its_payment_until_it_is_mended
        an_event_that_says_something_impossible_parks_its_payment_alone;
    operations:
        an_operation_that_stays_open_is_listed_and_resolved
        a_failure_that_people_found_out_frees_the_amount
        a_contradiction_that_people_have_seen_is_listed_no_more;
    rebuild:
        a_view_rebuilt_under_load_is_the_one_that_was_read
        a_damaged_view_is_mended_by_rebuilding_it
        a_rebuild_that_was_killed_changed_nothing_and_runs_again;
    restore:
        nobody_skips_a_new_event_after_a_restore
        a_ledger_that_went_back_stops_its_readers_until_it_is_adopted
        seals_of_what_was_lost_are_void_and_the_others_hold
        nothing_is_adopted_beside_a_process;
    seals:
        a_changed_byte_that_no_rule_knows_of_is_named
        a_changed_order_is_named
        a_changed_and_a_deleted_seal_are_named
        a_deleted_tail_is_named
        exported_seals_fit_until_something_is_changed;
    settings:
        settings_come_from_flag_environment_and_file
        the_help_names_every_command_and_setting;
    waiting:
        a_replay_of_an_unknown_authorization_waits_like_the_first
        prefer_wait_is_honoured
        a_refund_waits_for_a_pending_capture;
}

on_store!(embedded, crate::store::Store::Embedded);
on_store!(postgres, crate::store::Store::Postgres);
on_store!(postgres_kafka, crate::store::Store::Kafka);

#[test]
fn every_store_runs_every_case() {
    for (store, cases) in [
        ("embedded", embedded::CASES),
        ("postgres", postgres::CASES),
        ("postgres_kafka", postgres_kafka::CASES),
    ] {
        assert_eq!(cases, CASES, "{store}");
    }
}
