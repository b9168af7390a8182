//! Outcomes: in time, repeated, late and contradictory.

use super::history::{History, after, operation_id};
use crate::journal::JournalEntry;
use crate::payment::{
    Captured, Command, Decision, Event, EventBody, EventType, LateOutcome, OperationStatus, Outcome,
};

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(Event::event_type).collect()
}

fn captured(history: &History, step: &str) -> Captured {
    match history.appended(step).remove(0).body {
        EventBody::Captured(captured) => captured,
        other => panic!("{other:?}"),
    }
}

fn late(history: &History, step: &str) -> LateOutcome {
    match history.appended(step).remove(0).body {
        EventBody::LateOutcome(late) => late,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_approval_of_a_sale_and_its_capture_request_are_one_append() {
    let history = after("sale 1000");
    let events = history.appended("authorized 700");
    assert_eq!(types(&events), [EventType::Authorized, EventType::CaptureRequested]);
    let EventBody::CaptureRequested(capture) = &events[1].body else { panic!("{events:?}") };
    assert_eq!(capture.amount.minor(), 700, "of the approved amount");
    assert_eq!(capture.request, None);
    assert_eq!(events[1].header.operation_id, Some(operation_id(2)));
    assert_eq!(types(&after("authorize 1000").appended("authorized")), [EventType::Authorized]);
}

#[test]
fn an_outcome_that_comes_twice_is_nothing_the_second_time() {
    for (history, repeat) in [
        ("authorize 1000; authorized", "late authorized"),
        ("authorize 1000; authorized 700", "late authorized"),
        ("authorize 1000; authorize declined", "late authorize declined"),
        ("authorize 1000; authorize declined", "late authorize failed"),
        ("sale 1000; authorized; captured", "late captured"),
        ("sale 1000; authorized; capture failed", "late capture failed"),
        ("authorize 1000; authorized; void; voided", "late voided"),
        ("authorize 1000; authorized; void; void failed", "late void failed"),
        ("sale 1000; authorized; captured; refund; refunded", "late refunded"),
        ("sale 1000; authorized; captured; refund; refund failed", "late refund declined"),
        ("authorize 1000; authorize declined; late authorized; reversed", "late reversed"),
    ] {
        let decision = after(history).decide(repeat);
        assert_eq!(decision, Ok(Decision::Nothing), "`{repeat}` after `{history}`");
    }
}

#[test]
fn contradictions_are_recorded_once_each_however_often_and_in_which_order_they_come() {
    for (history, approval, refusals) in [
        ("authorize 1000; authorized", "late authorized", "authorize"),
        ("authorize 1000; authorize declined", "late authorized", "authorize"),
        ("sale 1000; authorized; captured", "late captured", "capture"),
        ("sale 1000; authorized; capture failed", "late captured", "capture"),
        ("authorize 1000; authorized; void; voided", "late voided", "void"),
        ("authorize 1000; authorized; void; void failed", "late voided", "void"),
        ("sale 1000; authorized; captured; refund; refunded", "late refunded", "refund"),
        ("sale 1000; authorized; captured; refund; refund failed", "late refunded", "refund"),
        (
            "authorize 1000; authorize declined; late authorized; reversed",
            "late reversed",
            "reverse",
        ),
    ] {
        let said = [
            format!("late {refusals} declined"),
            format!("late {refusals} failed"),
            approval.to_owned(),
        ];
        let mut history = after(history);
        let mut recorded = Vec::new();
        for step in said.iter().cycle().take(12) {
            if matches!(history.decide(step), Ok(Decision::Append(_))) {
                recorded.push(step.clone());
                history = history.then(step);
            }
        }
        let approvals = recorded.iter().filter(|step| *step == approval).count();
        assert!(!recorded.is_empty() && approvals <= 1, "{recorded:?}");
        assert!(recorded.len() - approvals <= 1, "{recorded:?}");
    }
}

#[test]
fn a_late_outcome_leaves_the_version_of_the_first_outcome_as_it_was() {
    let history = after("sale 1000; authorized; capture failed; late captured");
    let capture = &history.payment().operations[1];
    assert_eq!((capture.status, capture.concluded), (OperationStatus::Succeeded, Some(4)));
    assert_eq!(history.payment().version, 5);
}

#[test]
fn a_late_approval_of_a_declined_authorization_is_recorded_and_reversed_in_one_append() {
    for history in ["authorize 1000; authorize declined", "sale 1000; authorize failed"] {
        let history = after(history);
        let events = history.appended("late authorized 700");
        assert_eq!(types(&events), [EventType::LateOutcome, EventType::ReversalRequested]);
        let EventBody::ReversalRequested(reversal) = &events[1].body else { panic!("{events:?}") };
        assert_eq!(reversal.amount.minor(), 700);
        assert_eq!(reversal.reverses, operation_id(1));
        assert_eq!(events[1].header.operation_id, Some(operation_id(2)));
        let late = late(&history, "late authorized 700");
        assert!(!late.counted && late.journal.postings().is_empty());
    }
}

#[test]
fn a_reversal_is_asked_again_until_it_succeeds() {
    let history = after("authorize 1000; authorize declined; late authorized; reverse unknown");
    assert_eq!(history.decide("reverse failed"), Ok(Decision::Nothing));
    assert_eq!(history.decide("reverse declined"), Ok(Decision::Nothing));
    let done = history.then("reversed");
    assert_eq!(done.payment().operations[1].status, OperationStatus::Succeeded);
    assert_eq!(done.payment().open_operations().count(), 0);
}

#[test]
fn a_late_capture_is_posted_and_counted_while_the_authorization_has_room_for_it() {
    let late =
        late(&after("authorize 1000; authorized; capture 400; capture failed"), "late captured");
    assert!(late.counted);
    assert_eq!(late.amount.minor(), 400);
    assert_eq!(late.fee.minor(), 12, "290 basis points of 400");
    assert_eq!(late.journal, JournalEntry::capture(late.amount, late.fee));
    assert_eq!(late.settlement_date.unwrap().to_string(), "2026-11-23");
}

#[test]
fn a_late_capture_beyond_the_bound_is_posted_and_not_counted() {
    let captured = "authorize 1000; authorized; capture 400; capture failed; capture 601";
    let history = after(captured);
    let late = late(&history, "late captured");
    assert!(!late.counted);
    assert_eq!(late.journal, JournalEntry::capture(late.amount, late.fee));
    let payment = history.then("late captured").payment().clone();
    assert_eq!(payment.amount_captured().minor(), 0);
    assert_eq!(payment.amount_capture_pending().minor(), 601);
    assert!(payment.operations[1].late.is_some(), "flagged for people");

    let fits = after("authorize 1000; authorized; capture 400; capture failed; capture 600");
    assert_eq!(fits.then("late captured; captured").payment().amount_captured().minor(), 1000);
}

#[test]
fn a_late_refund_beyond_the_bound_is_posted_and_not_counted() {
    let history = after("sale 1000; authorized; captured; refund 400; refund failed; refund 601");
    let late = late(&history, "late refunded");
    assert!(!late.counted);
    assert_eq!(late.journal, JournalEntry::refund(late.amount));
    assert_eq!(history.then("late refunded").payment().amount_refunded().minor(), 0);
}

#[test]
fn a_late_refusal_moves_no_money_and_takes_none_back() {
    let history = after("sale 1000; authorized; captured");
    let late = late(&history, "late capture failed");
    assert!(!late.counted && late.journal.postings().is_empty() && late.settlement_date.is_none());
    assert_eq!(history.then("late capture failed").payment().amount_captured().minor(), 1000);
}

#[test]
fn an_acquirer_that_approves_more_than_was_asked_is_held_to_what_was_asked() {
    let capture = after("authorize 1000; authorized 5000; capture 400");
    assert_eq!(capture.payment().amount_authorized().minor(), 1000);
    assert_eq!(captured(&capture, "captured 900").amount.minor(), 400);
    let refund = after("sale 1000; authorized; captured; refund 250").then("refunded 9000");
    assert_eq!(refund.payment().amount_refunded().minor(), 250);
    let late = late(&after("sale 400; authorized; capture failed"), "late captured 9000");
    assert_eq!(late.amount.minor(), 400);
}

#[test]
fn an_approval_of_nothing_is_a_refusal() {
    let declined = after("authorize 1000").appended("authorized 0");
    let EventBody::Declined(declined) = &declined[0].body else { panic!("{declined:?}") };
    assert_eq!(&*declined.decline_code, "NOTHING_APPROVED");
    for (history, approval, expected) in [
        ("authorize 1000; authorized; capture 400", "captured 0", EventType::CaptureFailed),
        ("sale 1000; authorized; captured; refund", "refunded 0", EventType::RefundFailed),
    ] {
        assert_eq!(types(&after(history).appended(approval)), [expected]);
    }
}

#[test]
fn the_amount_of_an_approved_void_or_reversal_does_not_matter() {
    let void = after("authorize 1000; authorized; void");
    assert_eq!(types(&void.appended("voided 0")), [EventType::Voided]);
    let failed = void.then("void failed");
    assert_eq!(types(&failed.appended("late voided 0")), [EventType::LateOutcome]);
    assert_eq!(failed.then("late voided 0").payment().amount_voided().minor(), 1000);
    let reversal = after("authorize 1000; authorize declined; late authorized");
    assert_eq!(types(&reversal.appended("reversed 0")), [EventType::Reversed]);
}

#[test]
fn the_fee_is_in_the_event_rounded_half_up_and_the_entry_balances() {
    for (asked, fee_bps, fee) in
        [(1000, 290, 29), (50, 100, 1), (49, 100, 0), (150, 100, 2), (1, 10_000, 1), (7, 0, 0)]
    {
        let history = after(&format!("authorize {asked}; authorized; capture")).under(fee_bps, 0);
        let captured = captured(&history, "captured");
        assert_eq!(captured.fee.minor(), fee, "{fee_bps} basis points of {asked}");
        assert_eq!(captured.fee_bps, fee_bps);
        assert_eq!(captured.journal, JournalEntry::capture(captured.amount, captured.fee));
        assert_eq!(captured.journal.imbalance(), 0);
    }
}

#[test]
fn the_fee_is_of_what_was_captured_not_of_what_was_asked() {
    let history = after("authorize 1000; authorized; capture");
    assert_eq!(captured(&history, "captured 500").fee.minor(), 15, "14.5 rounded half up");
}

#[test]
fn a_refund_keeps_the_fee() {
    let events = after("sale 1000; authorized; captured; refund 250").appended("refunded");
    assert_eq!(events[0].journal().unwrap(), &JournalEntry::refund(super::history::amount(250)));
}

#[test]
fn the_settlement_date_is_the_day_in_the_settlement_zone() {
    // The histories begin at 09:15 UTC on 23 November 2026.
    for (offset_minutes, date) in [
        (0, "2026-11-23"),
        (14 * 60 + 44, "2026-11-23"),
        (14 * 60 + 45, "2026-11-24"),
        (-(9 * 60 + 15), "2026-11-23"),
        (-(9 * 60 + 16), "2026-11-22"),
    ] {
        let history = after("authorize 1000; authorized; capture").under(0, offset_minutes);
        let found = captured(&history, "captured").settlement_date.to_string();
        assert_eq!(found, date, "{offset_minutes} minutes east of UTC");
        let refund = history.then("captured; refund 1").appended("refunded");
        let EventBody::Refunded(refunded) = &refund[0].body else { panic!("{refund:?}") };
        assert_eq!(refunded.settlement_date.to_string(), date);
    }
}

#[test]
fn an_unknown_outcome_stays_open_and_is_noted_once() {
    for (history, unknown, later) in [
        ("authorize 1000", "authorize unknown", "authorized"),
        ("sale 1000; authorized", "capture unknown", "captured"),
        ("authorize 1000; authorized; void", "void unknown", "voided"),
        ("sale 1000; authorized; captured; refund", "refund unknown", "refunded"),
        ("sale 1000; authorize declined; late authorized", "reverse unknown", "reversed"),
    ] {
        let history = after(history).then(unknown);
        assert_eq!(history.decide(unknown), Ok(Decision::Nothing), "{unknown} twice");
        assert_eq!(history.payment().open_operations().count(), 1, "{unknown}");
        assert!(!history.appended(later).is_empty(), "{later} after {unknown}");
    }
}

#[test]
fn an_operation_with_an_outcome_does_not_become_unknown() {
    let history = after("sale 1000; authorized");
    let unknown = history.command("capture unknown");
    let done = history.then("captured");
    assert_eq!(done.payment().decide(&unknown, done.at()), Ok(Decision::Nothing));
}

#[test]
fn the_code_of_a_failure_stands_in_the_event() {
    for (history, refused, code) in [
        ("authorize 1000", "authorize declined", "DO_NOT_HONOUR"),
        ("authorize 1000", "authorize failed", "FORMAT_ERROR"),
        ("sale 1000; authorized", "capture declined", "DO_NOT_HONOUR"),
        ("sale 1000; authorized", "capture failed", "FORMAT_ERROR"),
        ("authorize 1000; authorized; void", "void failed", "FORMAT_ERROR"),
        ("sale 1000; authorized; captured; refund", "refund failed", "FORMAT_ERROR"),
    ] {
        let history = after(history).then(refused);
        let failed = history.payment().operations.last().unwrap();
        assert_eq!(failed.status, OperationStatus::Failed);
        assert_eq!(failed.acquirer.response_code.as_deref(), Some(code), "{refused}");
    }
    let late = late(&after("sale 1000; authorized; captured"), "late capture failed");
    assert_eq!(late.acquirer.response_code.as_deref(), Some("FORMAT_ERROR"));
}

#[test]
fn a_response_code_of_its_own_is_kept_beside_the_decline_code() {
    let history = after("authorize 1000");
    let Command::Conclude(mut conclude) = history.command("authorize declined") else {
        panic!("an outcome is a conclude command")
    };
    if let Outcome::Declined { acquirer, .. } = &mut conclude.outcome {
        acquirer.response_code = Some("05".into());
    }
    let decision = history.payment().decide(&Command::Conclude(conclude), history.at());
    let Ok(Decision::Append(events)) = decision else { panic!("{decision:?}") };
    let EventBody::Declined(declined) = &events[0].body else { panic!("{events:?}") };
    assert_eq!(&*declined.decline_code, "DO_NOT_HONOUR");
    assert_eq!(declined.acquirer.response_code.as_deref(), Some("05"));
}
