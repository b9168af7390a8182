//! Every refusal, provoked.

use std::collections::BTreeSet;

use super::history::{after, operation_id};
use crate::payment::{Command, Rejection};

/// History, the step that is refused, the code of the refusal.
const REFUSED: &[(&str, &str, &str)] = &[
    ("authorize 1000; authorized", "capture merchant=other", "PAYMENT_NOT_FOUND"),
    ("authorize 1000; authorized", "void merchant=other", "PAYMENT_NOT_FOUND"),
    ("authorize 1000; authorized", "refund merchant=other", "PAYMENT_NOT_FOUND"),
    (
        "authorize 1000; authorized; capture 400 key=a",
        "capture 500 key=a",
        "IDEMPOTENCY_KEY_REUSED",
    ),
    ("authorize 1000; authorized", "capture 400 no-key", "IDEMPOTENCY_KEY_REQUIRED"),
    (
        "authorize 1000; authorized; capture; captured",
        "refund 400 no-key",
        "IDEMPOTENCY_KEY_REQUIRED",
    ),
    ("authorize 1000", "capture", "AUTHORIZATION_PENDING"),
    ("authorize 1000", "void", "AUTHORIZATION_PENDING"),
    ("authorize 1000", "refund", "AUTHORIZATION_PENDING"),
    ("authorize 1000; authorize unknown", "capture", "AUTHORIZATION_PENDING"),
    ("authorize 1000; authorize declined", "capture", "PAYMENT_DECLINED"),
    ("authorize 1000; authorize declined", "void", "PAYMENT_DECLINED"),
    ("authorize 1000; authorize declined", "refund", "PAYMENT_DECLINED"),
    ("authorize 1000; authorize declined; late authorized", "capture", "PAYMENT_DECLINED"),
    ("authorize 1000; authorized; void; voided", "capture", "PAYMENT_VOIDED"),
    ("authorize 1000; authorized; void; voided", "void", "PAYMENT_VOIDED"),
    ("authorize 1000; authorized; void; voided", "refund", "NOTHING_TO_REFUND"),
    ("authorize 1000; authorized; wait 1000000; expire", "capture", "PAYMENT_EXPIRED"),
    ("authorize 1000; authorized; wait 1000000; expire", "void", "PAYMENT_EXPIRED"),
    ("authorize 1000; authorized; capture", "capture 1", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture", "capture", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400 final", "capture 1", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture; capture unknown", "capture 1", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400", "void", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400; capture unknown", "void", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture", "void", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400; wait 1000000", "expire", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture; wait 1000000", "expire", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture", "refund", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400", "refund 100", "CAPTURE_PENDING"),
    ("sale 1000; authorized", "refund", "CAPTURE_PENDING"),
    ("sale 1000; authorized", "void", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400; captured; capture", "refund", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; capture 400; captured; capture", "refund 401", "CAPTURE_PENDING"),
    ("authorize 1000; authorized; void", "capture", "VOID_PENDING"),
    ("authorize 1000; authorized; void", "void", "VOID_PENDING"),
    ("authorize 1000; authorized; void; void unknown", "capture 1", "VOID_PENDING"),
    ("authorize 1000; authorized; void; wait 1000000", "expire", "VOID_PENDING"),
    ("authorize 1000; authorized; capture; captured; refund", "refund", "REFUND_PENDING"),
    ("authorize 1000; authorized; capture; captured; refund", "refund 1", "REFUND_PENDING"),
    ("authorize 1000; authorized; capture; captured", "capture", "NOTHING_TO_CAPTURE"),
    ("authorize 1000; authorized; capture 400 final; captured", "capture 1", "NOTHING_TO_CAPTURE"),
    ("authorize 1000; authorized", "capture 1001", "CAPTURE_EXCEEDS_AUTHORIZED"),
    ("authorize 1000; authorized 700", "capture 701", "CAPTURE_EXCEEDS_AUTHORIZED"),
    ("authorize 1000; authorized; capture 400", "capture 601", "CAPTURE_EXCEEDS_AUTHORIZED"),
    (
        "authorize 1000; authorized; capture 400; captured",
        "capture 601",
        "CAPTURE_EXCEEDS_AUTHORIZED",
    ),
    ("authorize 1000; authorized; capture; captured", "void", "NOTHING_TO_VOID"),
    ("authorize 1000; authorized; capture 400 final; captured", "void", "NOTHING_TO_VOID"),
    ("authorize 1000; authorized", "refund", "NOTHING_TO_REFUND"),
    ("authorize 1000; authorized", "refund 1", "NOTHING_TO_REFUND"),
    (
        "authorize 1000; authorized; capture; captured; refund; refunded",
        "refund 1",
        "NOTHING_TO_REFUND",
    ),
    ("authorize 1000; authorized; capture 400; captured", "refund 401", "REFUND_EXCEEDS_CAPTURED"),
    ("sale 1000; authorized; captured; refund 400", "refund 601", "REFUND_EXCEEDS_CAPTURED"),
    (
        "sale 1000; authorized; captured; refund 400; refunded",
        "refund 601",
        "REFUND_EXCEEDS_CAPTURED",
    ),
];

#[test]
fn every_row_is_refused_with_its_code() {
    for (history, step, code) in REFUSED {
        assert_eq!(after(history).refusal(step).code(), *code, "`{step}` after `{history}`");
    }
}

#[test]
fn every_rejection_is_provoked() {
    // The two that no step can spell are provoked by tests of their own.
    let elsewhere = [Rejection::TooManyOperations, Rejection::UnknownOperation];
    let provoked: BTreeSet<_> = REFUSED
        .iter()
        .map(|(_, _, code)| *code)
        .chain(elsewhere.iter().map(Rejection::code))
        .collect();
    let all: BTreeSet<_> = Rejection::ALL.iter().map(Rejection::code).collect();
    assert_eq!(provoked, all);
}

#[test]
fn an_outcome_of_an_operation_that_the_payment_does_not_know_is_refused() {
    let history = after("authorize 1000");
    let Command::Conclude(mut conclude) = history.command("authorized") else {
        panic!("an outcome is a conclude command")
    };
    conclude.operation_id = operation_id(77);
    let refused = history.payment().decide(&Command::Conclude(conclude), history.at());
    assert_eq!(refused, Err(Rejection::UnknownOperation));

    let unknown = Command::MarkUnknown { operation_id: operation_id(77), cause: "".into() };
    let refused = history.payment().decide(&unknown, history.at());
    assert_eq!(refused, Err(Rejection::UnknownOperation));
}

#[test]
fn only_refusals_that_an_open_operation_causes_are_worth_waiting_for() {
    let transient: BTreeSet<_> =
        Rejection::ALL.iter().filter(|r| r.is_transient()).map(Rejection::code).collect();
    let pending: BTreeSet<_> =
        Rejection::ALL.iter().map(Rejection::code).filter(|c| c.ends_with("_PENDING")).collect();
    assert_eq!(transient, pending);
}

#[test]
fn a_refusal_says_how_much_would_have_been_possible() {
    let exceeding = after("authorize 1000; authorized; capture 400").refusal("capture 601");
    assert_eq!(exceeding.to_string(), "a capture of 601 exceeds the 600 that can be captured");
    let exceeding = after("sale 1000; authorized; captured; refund 400").refusal("refund 601");
    assert_eq!(exceeding.to_string(), "a refund of 601 exceeds the 600 that can be refunded");
}
