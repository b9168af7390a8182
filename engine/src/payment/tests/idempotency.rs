//! Keys: the same request is the same operation, any other request under its key is refused.

use super::history::{after, merchant, operation_id};
use crate::payment::{Command, Decision, MAX_OPERATIONS, Rejection};

/// What may come after `authorize 1000; authorized; capture 400 key=a`.
const LATER: &[&str] = &[
    "",
    "capture unknown",
    "captured",
    "captured 300",
    "capture failed",
    "capture failed; late captured",
    "captured; capture; captured",
    "captured; refund key=b; refunded",
    "captured; void; void unknown",
    "captured; void; voided",
    "captured; wait 1000000; expire",
    "wait 5000000",
    "back 5000000",
];

#[test]
fn the_same_key_and_request_replay_the_operation_whatever_the_state() {
    for later in LATER {
        let history = after("authorize 1000; authorized; capture 400 key=a").then(later);
        let decision = history.decide("capture 400 key=a");
        assert_eq!(decision, Ok(Decision::Replay(operation_id(2))), "after `{later}`");
        let created = history.decide("authorize 1000");
        assert_eq!(created, Ok(Decision::Replay(operation_id(1))), "after `{later}`");
    }
}

#[test]
fn a_key_with_another_request_is_refused_whatever_the_state() {
    let others = [
        "capture 401 key=a",
        "capture key=a",
        "capture 400 final key=a",
        "refund 400 key=a",
        "refund key=a",
        "void key=a",
        "authorize 400 key=a",
        // The key that created the payment is a key of the payment like any other.
        "capture 400 key=create",
        "capture 1000 key=create",
        "void key=create",
        "refund key=create",
        "authorize 999 key=create",
        "authorize 1000 key=never-used",
    ];
    for later in LATER {
        let history = after("authorize 1000; authorized; capture 400 key=a").then(later);
        for other in others {
            assert_eq!(history.refusal(other), Rejection::KeyReused, "`{other}` after `{later}`");
        }
    }
}

#[test]
fn voids_and_refunds_replay_by_key_too() {
    let voided = after("authorize 1000; authorized; void key=a; voided");
    assert_eq!(voided.decide("void key=a"), Ok(Decision::Replay(operation_id(2))));
    assert_eq!(voided.refusal("capture key=a"), Rejection::KeyReused);
    let refunded = after("sale 1000; authorized; captured; refund 250 key=a; refund failed");
    assert_eq!(refunded.decide("refund 250 key=a"), Ok(Decision::Replay(operation_id(3))));
    assert_eq!(refunded.refusal("refund 251 key=a"), Rejection::KeyReused);
    assert_eq!(refunded.refusal("capture 250 key=a"), Rejection::KeyReused);
}

#[test]
fn a_declined_or_pending_authorization_replays_like_an_approved_one() {
    for history in ["authorize 1000", "authorize 1000; authorize declined", "sale 1000; authorized"]
    {
        let history = after(history);
        let mut command = history.command("authorize 1000");
        if let Command::Authorize(again) = &mut command {
            again.request = history.payment().operations[0].request.clone().unwrap();
        }
        let decision = history.payment().decide(&command, history.at());
        assert_eq!(decision, Ok(Decision::Replay(operation_id(1))));
    }
}

#[test]
fn a_sale_under_the_key_of_a_manual_payment_is_another_request() {
    let sale = after("sale 1000; authorized; captured");
    assert_eq!(sale.refusal("authorize 1000"), Rejection::KeyReused);
}

#[test]
fn another_merchant_never_shares_a_payment_even_if_the_ids_collide() {
    let history = after("authorize 1000; authorized");
    assert_eq!(history.refusal("authorize 1000 merchant=other"), Rejection::KeyReused);
    // Nor if the fingerprints collide too: the merchant itself is compared.
    let Command::Authorize(mut again) = history.command("authorize 1000") else {
        panic!("an authorization")
    };
    again.merchant_id = merchant("other");
    let decision = history.payment().decide(&Command::Authorize(again), history.at());
    assert_eq!(decision, Err(Rejection::KeyReused));
}

#[test]
fn another_merchants_payment_is_not_found_and_that_is_decided_before_its_keys() {
    let history = after("authorize 1000; authorized; capture 400 key=a; captured");
    for step in [
        "capture 400 key=a merchant=other",
        "capture 500 key=a merchant=other",
        "capture 400 no-key merchant=other",
        "void key=a merchant=other",
        "refund 100 key=create merchant=other",
        "refund 100 no-key merchant=Shop",
    ] {
        assert_eq!(history.refusal(step), Rejection::NotFound, "`{step}`");
    }
    let replay = history.decide("capture 400 key=a merchant=shop");
    assert_eq!(replay, Ok(Decision::Replay(operation_id(2))), "the payment's own merchant");
}

#[test]
fn a_replay_does_not_depend_on_the_representation_it_asks_for() {
    let history = after("authorize 1000; authorized; capture 400 key=a");
    let Command::Capture(mut capture) = history.command("capture 400 key=a") else {
        panic!("a capture")
    };
    capture.request.representation = 99;
    let decision = history.payment().decide(&Command::Capture(capture), history.at());
    assert_eq!(decision, Ok(Decision::Replay(operation_id(2))));
}

#[test]
fn amounts_need_a_key_and_whole_forms_and_voids_do_not() {
    let authorized = after("authorize 1000; authorized");
    assert_eq!(authorized.refusal("capture 1000 no-key"), Rejection::KeyRequired);
    assert_eq!(authorized.appended("capture no-key").len(), 1);
    assert_eq!(authorized.appended("void no-key").len(), 1);
    let captured = after("sale 1000; authorized; captured");
    assert_eq!(captured.refusal("refund 1000 no-key"), Rejection::KeyRequired);
    assert_eq!(captured.appended("refund no-key").len(), 1);
}

#[test]
fn a_request_without_a_key_is_a_new_one_each_time() {
    let history = after("authorize 1000; authorized; capture no-key");
    assert_eq!(history.refusal("capture no-key"), Rejection::CapturePending);
    let failed = history.then("capture failed");
    assert_eq!(failed.appended("capture no-key").len(), 1);
}

#[test]
fn a_refused_request_does_not_use_up_its_key() {
    let history = after("authorize 1000; authorized");
    assert_eq!(history.refusal("capture 1001 key=a").code(), "CAPTURE_EXCEEDS_AUTHORIZED");
    assert_eq!(history.appended("capture 400 key=a").len(), 1);
}

#[test]
fn a_key_replays_on_a_payment_that_takes_no_more_operations() {
    let captures = "capture 1;".repeat(MAX_OPERATIONS - 2);
    let full = after("authorize 1000; authorized; capture 400 key=a").then(&captures);
    assert_eq!(full.refusal("capture 1"), Rejection::TooManyOperations);
    assert_eq!(full.decide("capture 400 key=a"), Ok(Decision::Replay(operation_id(2))));
}
