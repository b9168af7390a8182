//! The golden table of status and amounts: `engine/tests/golden/status.tsv`.

use std::collections::BTreeSet;

use super::history::after;
use crate::payment::{Payment, PaymentStatus};

const TABLE: &str = include_str!("../../../tests/golden/status.tsv");

struct Row {
    expected: String,
    history: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (expected, history) = line.rsplit_once('\t').expect("nine columns");
        assert_eq!(expected.split('\t').count(), 8, "{line}");
        Row { expected: expected.replace('\t', " "), history }
    })
}

fn summary(payment: &Payment) -> String {
    let amounts = [
        payment.amount_authorized(),
        payment.amount_capturable(),
        payment.amount_captured(),
        payment.amount_refunded(),
        payment.amount_capture_pending(),
        payment.amount_refund_pending(),
        payment.amount_voided(),
    ];
    amounts.into_iter().fold(payment.status().as_str().to_owned(), |row, a| format!("{row} {a}"))
}

#[test]
fn every_history_has_the_status_and_amounts_of_the_golden_table() {
    let wrong: Vec<String> = rows()
        .map(|row| (summary(after(row.history).payment()), row))
        .filter(|(found, row)| *found != row.expected)
        .map(|(found, row)| {
            format!("{}\n  expected {}\n  found    {found}", row.history, row.expected)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_golden_table_has_every_status() {
    let found: BTreeSet<_> =
        rows().map(|row| row.expected.split(' ').next().unwrap().to_owned()).collect();
    let all: BTreeSet<_> = PaymentStatus::ALL.map(|status| status.as_str().to_owned()).into();
    assert_eq!(found, all);
}

#[test]
fn a_status_is_written_in_json_as_it_is_named() {
    for status in PaymentStatus::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}
