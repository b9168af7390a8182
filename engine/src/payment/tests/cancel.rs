//! Cancelling: what it becomes, and that it becomes that for ever.

use super::history::{History, after, operation_id};
use crate::payment::{Decision, EventBody, MAX_OPERATIONS, PaymentStatus, Rejection, Verb};

/// History, and what a cancellation of it asks for, in order.
const BECOMES: &[(&str, &[(Verb, i64)])] = &[
    ("authorize 1000; authorized", &[(Verb::Void, 1000)]),
    ("authorize 1000; authorized 700", &[(Verb::Void, 700)]),
    ("authorize 1000; authorized; capture; capture failed", &[(Verb::Void, 1000)]),
    ("authorize 1000; authorized; wait 1000000", &[(Verb::Void, 1000)]),
    ("authorize 1000; authorized; capture; captured", &[(Verb::Refund, 1000)]),
    ("sale 1000; authorized; captured", &[(Verb::Refund, 1000)]),
    ("authorize 1000; authorized; capture 400 final; captured", &[(Verb::Refund, 400)]),
    ("authorize 1000; authorized; capture 400; captured; void; voided", &[(Verb::Refund, 400)]),
    ("authorize 1000; authorized; capture; captured; refund 300; refunded", &[(Verb::Refund, 700)]),
    ("authorize 1000; authorized; capture; captured; refund 300", &[(Verb::Refund, 700)]),
    (
        "authorize 1000; authorized; capture 400; captured",
        &[(Verb::Refund, 400), (Verb::Void, 600)],
    ),
    (
        "authorize 1000; authorized; capture 400; captured; refund 100; refunded",
        &[(Verb::Refund, 300), (Verb::Void, 600)],
    ),
    ("authorize 1000; authorized; capture 400; captured; refund; refunded", &[(Verb::Void, 600)]),
    ("authorize 1000; authorized; capture 400; captured; refund", &[(Verb::Void, 600)]),
];

fn asked(history: &History) -> Vec<(Verb, i64)> {
    let of = |body: &EventBody| match body {
        EventBody::VoidRequested(void) => (Verb::Void, void.amount.minor()),
        EventBody::RefundRequested(refund) => (Verb::Refund, refund.amount.minor()),
        other => panic!("a cancellation came to {other:?}"),
    };
    history.appended("cancel key=a").iter().map(|event| of(&event.body)).collect()
}

#[test]
fn a_cancellation_gives_back_all_that_the_payment_holds() {
    for (history, expected) in BECOMES {
        assert_eq!(asked(&after(history)), *expected, "after `{history}`");
    }
}

#[test]
fn a_repeat_finds_the_operation_whichever_it_became_and_whatever_came_of_it() {
    for (history, expected) in BECOMES {
        let history = after(history).then("cancel key=a");
        let first = history.payment().operations.len() - expected.len();
        let replay = Ok(Decision::Replay(operation_id(first + 1)));
        assert_eq!(history.decide("cancel key=a"), replay, "{expected:?}");
        let (verb, _) = expected[0];
        for outcome in ["failed", "unknown"] {
            let later = history.clone().then(&format!("{} {outcome}", verb.as_str()));
            assert_eq!(later.decide("cancel key=a"), replay, "{expected:?} {outcome}");
        }
        for other in ["void key=a", "refund key=a", "capture key=a"] {
            assert_eq!(history.refusal(other), Rejection::KeyReused, "{expected:?} {other}");
        }
    }
}

#[test]
fn a_key_of_another_verb_cancels_nothing() {
    for (history, key) in [
        ("authorize 1000; authorized; void key=a; void failed", "a"),
        ("authorize 1000; authorized; capture key=a; captured", "a"),
        ("authorize 1000; authorized; capture; captured; refund key=a; refund failed", "a"),
        ("authorize 1000; authorized", "create"),
    ] {
        let refused = after(history).refusal(&format!("cancel key={key}"));
        assert_eq!(refused, Rejection::KeyReused, "after `{history}`");
    }
}

#[test]
fn a_payment_that_holds_nothing_or_may_change_refuses_its_cancellation() {
    for (history, code) in [
        ("authorize 1000", "AUTHORIZATION_PENDING"),
        ("authorize 1000; authorize declined", "PAYMENT_DECLINED"),
        ("authorize 1000; authorized; capture 400", "CAPTURE_PENDING"),
        ("sale 1000; authorized", "CAPTURE_PENDING"),
        ("authorize 1000; authorized; void", "VOID_PENDING"),
        ("authorize 1000; authorized; capture 400; captured; void", "VOID_PENDING"),
        ("authorize 1000; authorized; void; voided", "PAYMENT_VOIDED"),
        ("authorize 1000; authorized; wait 1000000; expire", "PAYMENT_EXPIRED"),
        ("authorize 1000; authorized; capture; captured; refund", "REFUND_PENDING"),
        ("authorize 1000; authorized; capture; captured; refund; refunded", "NOTHING_TO_REFUND"),
    ] {
        assert_eq!(after(history).refusal("cancel").code(), code, "after `{history}`");
    }
    let other = after("authorize 1000; authorized").refusal("cancel merchant=other");
    assert_eq!(other, Rejection::NotFound);
}

#[test]
fn two_operations_need_room_for_two() {
    let almost = after("authorize 1000; authorized").then(&"capture 1; captured;".repeat(198));
    assert_eq!(almost.payment().operations.len(), MAX_OPERATIONS - 1);
    assert_eq!(almost.refusal("cancel"), Rejection::TooManyOperations);
    assert_eq!(almost.then("void; voided").refusal("cancel"), Rejection::TooManyOperations);
}

/// Up to where the answer to the cancellation shows the payment; its refund is the third operation.
fn answered(history: &History) -> Option<u32> {
    let payment = history.payment();
    payment.answered_at(payment.operation(operation_id(3)).unwrap())
}

#[test]
fn the_answer_to_two_operations_waits_for_both_in_either_order() {
    let begun = after("authorize 1000; authorized; capture 400; captured; cancel key=a");
    assert_eq!(begun.payment().status(), PaymentStatus::VoidRequested);
    assert_eq!(answered(&begun), None);
    for one in ["voided", "void failed", "refunded", "refund failed"] {
        let half = begun.clone().then(one);
        assert_eq!(answered(&half), None, "after `{one}`");
        let other = if one.starts_with("void") { "refunded" } else { "voided" };
        let whole = half.then(other);
        assert_eq!(answered(&whole), Some(whole.payment().version), "`{one}` and `{other}`");
    }
    let whole = begun.then("refunded; voided");
    assert_eq!(whole.payment().status(), PaymentStatus::Refunded);
    assert_eq!(whole.payment().amount_voided().minor(), 600);
}

#[test]
fn a_refund_waits_for_no_void_but_its_own_cancellations() {
    let apart = after("authorize 1000; authorized; capture 400; captured; refund; void no-key");
    assert_eq!(answered(&apart.then("refunded")), Some(7));
    let alone = after("authorize 1000; authorized; capture; captured; cancel; refunded");
    assert_eq!(answered(&alone), Some(6));
}
