//! Whether a payment is what its clients were told: every operation with exactly one effect.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::Trial;
use super::patience::Ending;
use super::plan::Verb;
use crate::client::Answer;

/// One sentence for each way in which the payment is not what its clients were told.
pub(super) fn differences(trials: &[Trial], payment: &Value, events: &[Value]) -> Vec<String> {
    let mut found = unexpected(trials);
    found.extend(unlike_replays(trials));
    for (verb, list) in [(Verb::Capture, "captures"), (Verb::Refund, "refunds")] {
        found.extend(wrong_operations(trials, verb, payment, list));
    }
    found.extend(wrong_voids(trials, payment));
    found.extend(wrong_amounts(payment));
    found.extend(wrong_refusals(trials, payment));
    found.extend(wrong_events(payment, events));
    found
}

/// Every request ends with an outcome, or a refusal by the payment's state.
fn unexpected(trials: &[Trial]) -> Vec<String> {
    let expected = |Trial { step, ending, .. }: &Trial| match ending {
        Ending::Answered(answer) => {
            let success = if step.verb == Verb::Authorize { 201 } else { 200 };
            answer.status == success || answer.status == 409
        }
        Ending::GaveUp(_) | Ending::NotSent => false,
    };
    trials.iter().filter(|trial| !expected(trial)).map(Trial::to_string).collect()
}

/// All successes under one key are the same, byte for byte.
fn unlike_replays(trials: &[Trial]) -> Vec<String> {
    let mut first = HashMap::new();
    let mut unlike: BTreeMap<&str, usize> = BTreeMap::new();
    for (trial, answer) in successes(trials) {
        let same = (answer.status, &answer.body);
        if *first.entry(&trial.step.key).or_insert(same) != same {
            *unlike.entry(&trial.step.key).or_default() += 1;
        }
    }
    let sentence = |(key, count)| format!("{count} answers to key {key} differ from its first");
    unlike.into_iter().map(sentence).collect()
}

fn successes(trials: &[Trial]) -> impl Iterator<Item = (&Trial, &Answer)> {
    trials.iter().filter_map(|trial| match &trial.ending {
        Ending::Answered(answer) if matches!(answer.status, 200 | 201) => Some((trial, answer)),
        _ => None,
    })
}

/// The operations that clients were told of are those the payment shows, each once.
fn wrong_operations(
    trials: &[Trial],
    verb: Verb,
    payment: &Value,
    list: &'static str,
) -> Vec<String> {
    let mut told: BTreeMap<&str, (u64, String)> = BTreeMap::new();
    let mut found = Vec::new();
    for (Trial { step, ending, .. }, _) in successes(trials) {
        if step.verb != verb || told.contains_key(step.key.as_str()) {
            continue;
        }
        let mine = operations(&ending.json(), list);
        let mut mine = mine.into_iter().filter(|(amount, _)| *amount == step.amount);
        match (mine.next(), mine.next()) {
            (Some(operation), None) => {
                told.insert(&step.key, operation);
            }
            (None, _) => found.push(format!("the answer to {} does not show it", step.key)),
            (Some(_), Some(_)) => {
                found.push(format!("the answer to {} shows its effect twice", step.key));
            }
        }
    }
    let mut told: Vec<_> = told.into_values().collect();
    told.sort();
    let shown = operations(payment, list);
    if told != shown {
        found.push(format!("{list} told to clients {told:?}, shown by the payment {shown:?}"));
    }
    found
}

/// Amount and status of each, in order.
fn operations(payment: &Value, list: &str) -> Vec<(u64, String)> {
    let operations = payment[list].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut operations: Vec<_> = operations
        .iter()
        .map(|operation| (number(operation, "amount"), text(operation, "status")))
        .collect();
    operations.sort();
    operations
}

fn wrong_voids(trials: &[Trial], payment: &Value) -> Vec<String> {
    let told = usize::from(successes(trials).any(|(trial, _)| trial.step.verb == Verb::Void));
    let shown = payment["voids"].as_array().map_or(0, Vec::len);
    if told == shown { vec![] } else { vec![format!("voids told {told}, shown {shown}")] }
}

/// Captured never exceeds authorized, nor refunded captured, and both are their operations' sums.
fn wrong_amounts(payment: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (list, total, bound) in [
        ("captures", "amountCaptured", "amountAuthorized"),
        ("refunds", "amountRefunded", "amountCaptured"),
    ] {
        let succeeded = operations(payment, list).into_iter();
        let sum: u64 = succeeded.filter(|(_, status)| status == "SUCCEEDED").map(|(a, _)| a).sum();
        let (shown, most) = (number(payment, total), number(payment, bound));
        if sum != shown {
            found.push(format!("{list} that succeeded sum to {sum}, {total} is {shown}"));
        }
        if shown > most || sum > most {
            found.push(format!("{total} {shown} (sum {sum}) exceeds {bound} {most}"));
        }
    }
    found
}

/// What was refused for its amount still would not fit; amounts that failed were free again, and a
/// capture under way may have made room for a refund later.
fn wrong_refusals(trials: &[Trial], payment: &Value) -> Vec<String> {
    let failed = ["captures", "refunds"].iter().flat_map(|list| operations(payment, list));
    if failed.into_iter().any(|(_, status)| status != "SUCCEEDED") {
        return Vec::new();
    }
    let refundable =
        number(payment, "amountCaptured").saturating_sub(number(payment, "amountRefunded"));
    let captures = successes(trials).filter(|(trial, _)| trial.step.verb == Verb::Capture);
    let captured_by = captures.map(|(trial, _)| trial.ended).max();
    let mut found = Vec::new();
    for Trial { step, begun, ending, .. } in trials {
        let Ending::Answered(answer) = ending else { continue };
        let room = match answer.label().as_ref() {
            "CAPTURE_EXCEEDS_AUTHORIZED" | "NOTHING_TO_CAPTURE" => {
                number(payment, "amountCapturable")
            }
            "REFUND_EXCEEDS_CAPTURED" | "NOTHING_TO_REFUND"
                if captured_by.is_none_or(|ended| ended <= *begun) =>
            {
                refundable
            }
            _ => continue,
        };
        if step.amount <= room {
            found.push(format!("{} of {} was refused, {room} is free", step.key, step.amount));
        }
    }
    found
}

/// One event for each intent and each outcome.
fn wrong_events(payment: &Value, events: &[Value]) -> Vec<String> {
    let count = |kinds: &[&str]| {
        let kind_of = |event: &Value| text(event, "type").trim_start_matches("payment.").to_owned();
        events.iter().filter(|event| kinds.contains(&kind_of(event).as_str())).count()
    };
    let all = |list: &str| payment[list].as_array().map_or(0, Vec::len);
    let concluded = |list: &str, status: &str| {
        operations(payment, list).iter().filter(|(_, shown)| shown == status).count()
    };
    let expected = [
        ("authorization_requested", count(&["authorization_requested"]), 1),
        ("authorized or declined", count(&["authorized", "declined"]), 1),
        ("capture_requested", count(&["capture_requested"]), all("captures")),
        ("captured", count(&["captured"]), concluded("captures", "SUCCEEDED")),
        ("void_requested", count(&["void_requested"]), all("voids")),
        ("voided", count(&["voided"]), concluded("voids", "SUCCEEDED")),
        ("refund_requested", count(&["refund_requested"]), all("refunds")),
        ("refunded", count(&["refunded"]), concluded("refunds", "SUCCEEDED")),
    ];
    let wrong = expected.into_iter().filter(|(_, events, expected)| events != expected);
    wrong
        .map(|(kind, events, expected)| format!("{events} events {kind} where {expected} belong"))
        .collect()
}

fn number(object: &Value, field: &str) -> u64 {
    object[field].as_u64().unwrap_or(0)
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}
