//! Bounds of time and number.

use super::history::{EXPIRES_AFTER_MS, START_MS, after};
use crate::clock::Timestamp;
use crate::payment::{Decision, EventBody, EventType, MAX_OPERATIONS, PaymentStatus, Rejection};

#[test]
fn the_two_hundred_and_first_operation_is_refused_and_outcomes_are_still_recorded() {
    let others = MAX_OPERATIONS - 1;
    let full = after("authorize 1000; authorized").then(&"capture 1;".repeat(others));
    assert_eq!(full.payment().operations.len(), 200);
    assert_eq!(full.refusal("capture 1"), Rejection::TooManyOperations);

    let unknown = full.then("capture unknown");
    let done = unknown.then(&"captured;".repeat(others));
    assert_eq!(done.payment().amount_captured().minor(), 199);
    assert_eq!(done.payment().status(), PaymentStatus::PartiallyCaptured);
    assert_eq!(done.refusal("capture 1"), Rejection::TooManyOperations);
    assert_eq!(done.refusal("refund 1"), Rejection::TooManyOperations);
    assert_eq!(done.refusal("void"), Rejection::TooManyOperations);
    assert_eq!(done.appended("late capture failed").len(), 1);
    let expired = done.then("wait 1000000; expire");
    assert_eq!(
        expired.payment().amount_voided().minor(),
        801,
        "the engine's own act needs no room"
    );
}

#[test]
fn the_time_of_an_event_is_never_before_the_payments_last_one() {
    let history = after("authorize 1000; wait 500; authorized; back 400; capture 400; captured");
    let times: Vec<_> = history.events.iter().map(|event| event.header.at.millis()).collect();
    let second = START_MS + 500;
    assert_eq!(times, [START_MS, second, second, second]);
    assert_eq!(history.payment().updated_at.millis(), second);
}

#[test]
fn a_clock_that_steps_back_does_not_revive_an_expired_payment() {
    let history =
        after("authorize 1000; authorized; capture 1; wait 1000000; captured; back 900000");
    assert_eq!(history.refusal("capture 1").code(), "PAYMENT_EXPIRED");
}

#[test]
fn a_capture_is_refused_from_expires_at_on_whether_or_not_the_expiry_is_recorded() {
    let authorized = after("authorize 1000; authorized");
    let expires_at = Timestamp::from_millis(START_MS + EXPIRES_AFTER_MS);
    assert_eq!(authorized.payment().expires_at, Some(expires_at));
    assert_eq!(authorized.clone().then("wait 999999").appended("capture").len(), 1);
    let expired = Rejection::Expired { at: expires_at };
    let at_the_hour = authorized.then("wait 1000000");
    assert_eq!(at_the_hour.refusal("capture"), expired);
    assert_eq!(at_the_hour.then("expire").refusal("capture"), expired);
}

#[test]
fn an_authorization_expires_from_expires_at_on_and_once() {
    let authorized = after("authorize 1000; authorized");
    assert_eq!(authorized.clone().then("wait 999999").decide("expire"), Ok(Decision::Nothing));
    let expired = authorized.then("wait 1000000; expire");
    let last = expired.events.last().unwrap();
    assert_eq!(last.event_type(), EventType::Expired);
    assert_eq!(last.header.operation_id, None);
    assert_eq!(expired.decide("expire"), Ok(Decision::Nothing));
}

#[test]
fn there_is_nothing_to_expire_without_an_uncaptured_rest() {
    for history in [
        "authorize 1000; wait 9000000",
        "authorize 1000; authorize declined; wait 9000000",
        "authorize 1000; authorized; void; voided; wait 9000000",
        "authorize 1000; authorized; capture; captured; wait 9000000",
        "authorize 1000; authorized; capture 400 final; captured; wait 9000000",
    ] {
        assert_eq!(after(history).decide("expire"), Ok(Decision::Nothing), "after `{history}`");
    }
}

#[test]
fn an_expiry_that_a_capture_or_void_refused_goes_through_after_its_outcome() {
    for (history, released) in [
        ("capture 400; wait 1000000; captured", 600),
        ("capture 400; wait 1000000; capture failed", 1000),
        ("void; wait 1000000; void failed", 1000),
    ] {
        let due = after("authorize 1000; authorized").then(history);
        let [event] = due.appended("expire").try_into().unwrap();
        let EventBody::Expired(expired) = event.body else { panic!("{history}: {event:?}") };
        assert_eq!(expired.amount.minor(), released, "{history}");
    }
}

#[test]
fn a_capture_asked_in_time_counts_although_it_succeeds_after_expiry() {
    let history = after("authorize 1000; authorized; capture 400; wait 1000000; captured");
    assert_eq!(history.payment().amount_captured().minor(), 400);
}

#[test]
fn a_void_is_possible_after_expires_at_until_the_expiry_is_recorded() {
    let history = after("authorize 1000; authorized; wait 1000000");
    assert_eq!(history.appended("void").len(), 1);
    assert_eq!(history.then("expire").refusal("void").code(), "PAYMENT_EXPIRED");
}

#[test]
fn a_void_names_the_rest_that_it_releases() {
    let history = after("authorize 1000; authorized; capture 400; captured");
    let [event] = history.appended("void").try_into().unwrap();
    let EventBody::VoidRequested(void) = event.body else { panic!("{event:?}") };
    assert_eq!(void.amount.minor(), 600);
}

#[test]
fn whole_amounts_are_what_is_left_besides_the_pending() {
    let history = after("authorize 1000; authorized; capture 400; captured; capture 100");
    let [event] = history.appended("capture").try_into().unwrap();
    let EventBody::CaptureRequested(capture) = event.body else { panic!("{event:?}") };
    assert_eq!(capture.amount.minor(), 500);

    let history = after("sale 1000; authorized; captured; refund 300; refunded; refund 50");
    let [event] = history.appended("refund").try_into().unwrap();
    let EventBody::RefundRequested(refund) = event.body else { panic!("{event:?}") };
    assert_eq!(refund.amount.minor(), 650);
}

#[test]
fn the_last_instants_of_the_calendar_neither_wrap_nor_panic() {
    let history = after(&format!("wait {}; authorize 1000; authorized", i64::MAX - START_MS));
    let last = history.payment().expires_at.unwrap();
    assert_eq!(last.to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(history.refusal("capture").code(), "PAYMENT_EXPIRED");
}
