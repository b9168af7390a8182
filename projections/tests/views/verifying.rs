//! `verify` names the view, the row, the column, and what should stand there.

use std::sync::Arc;

use daybook_projections::ViewReport;

use crate::book::Book;
use crate::history::History;
use crate::tables::{Desk, Store};

pub(crate) async fn filled(store: Store) -> (History, Arc<Book>, Desk) {
    let history = History::of_refunded(12);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    (history, book, desk)
}

/// Every column of every table, changed in one row.
const CELLS: &[(&str, &[&str])] = &[
    ("payment", &["version", "position", "amount", "amount_authorized", "amount_captured"]),
    ("payment", &["amount_refunded", "created_at", "updated_at"]),
    ("payment", &["merchant_id", "status", "currency", "state"]),
    ("operation", &["amount", "amount_settled", "requested_at", "completed_at"]),
    ("operation", &["merchant_id", "currency", "verb", "status", "late", "idempotency_key"]),
    ("operation", &["acquirer_transaction_id", "response_code", "payment_id"]),
    ("refund", &["amount", "requested_at", "completed_at", "merchant_id", "currency"]),
    ("refund", &["status", "acquirer_transaction_id", "response_code", "payment_id"]),
    ("settlement", &["capture_count", "refund_count", "gross_amount", "refund_amount"]),
    ("settlement", &["fee_amount"]),
    ("settlement_line", &["at", "amount", "fee", "merchant_id", "currency", "date", "kind"]),
    ("settlement_line", &["payment_id", "operation_id"]),
    ("balance", &["debits", "credits"]),
    ("posting", &["payment_id", "operation_id", "merchant_id", "currency", "account", "side"]),
    ("posting", &["amount", "date", "at"]),
    ("payment_text", &["value", "created_at"]),
];

fn view_of(table: &str) -> &str {
    match table {
        "payment" => "payments",
        "operation" => "operations",
        "refund" => "refunds",
        "balance" => "balances",
        "posting" => "journal",
        "payment_text" => "texts",
        _ => "settlements",
    }
}

pub(crate) async fn one_changed_cell_is_named(store: Store) {
    let (_, book, desk) = filled(store).await;
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
    for (table, columns) in CELLS {
        for column in *columns {
            let damaged = match *column {
                "payment_id" | "operation_id" => "X'00112233445566778899AABBCCDDEEFF'",
                "merchant_id"
                | "status"
                | "currency"
                | "state"
                | "verb"
                | "late"
                | "kind"
                | "account"
                | "side"
                | "value"
                | "idempotency_key"
                | "acquirer_transaction_id"
                | "response_code" => "'it''s damaged'",
                "date" => "'2027-01-01'",
                _ => "987654321",
            };
            let keep = format!("CREATE TABLE kept AS SELECT * FROM {table}");
            let change = format!(
                "{keep}; UPDATE {table} SET {column} = {damaged} WHERE ({}) = (SELECT {} FROM {table} ORDER BY 1 DESC LIMIT 1)",
                key_of(table),
                key_of(table)
            );
            desk.damage(String::leak(change)).await;
            let found = desk.differences(&book).await;
            assert_eq!(found.len(), 1, "{table}.{column}: {found:#?}");
            let (view, named) = (format!("view {} ", view_of(table)), format!("{table} "));
            let is = format!("{column} should be");
            for part in [view.as_str(), &named, &is, damaged] {
                assert!(found[0].contains(part), "{table}.{column}: {part:?} is not in {found:?}");
            }
            let mend = format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"
            );
            desk.damage(String::leak(mend)).await;
        }
    }
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
}

fn key_of(table: &str) -> &'static str {
    match table {
        "payment" => "partition, payment_id",
        "operation" | "refund" => "partition, operation_id",
        "settlement" => "partition, merchant_id, date, currency",
        "settlement_line" => "partition, position",
        "posting" => "partition, position, line",
        "payment_text" => "partition, payment_id, version, name",
        _ => "partition, merchant_id, currency, account",
    }
}

pub(crate) async fn a_missing_row_and_an_extra_row_are_named_in_every_table(store: Store) {
    let other = "X'00112233445566778899AABBCCDDEEFF'";
    for (table, column, value) in [
        ("payment", "payment_id", other),
        ("operation", "operation_id", other),
        ("refund", "operation_id", other),
        ("settlement_line", "position", "4711"),
        ("posting", "line", "9"),
        ("payment_text", "name", "'metadata.size'"),
        ("settlement", "date", "'2027-01-01'"),
        ("balance", "account", "'petty_cash'"),
    ] {
        let (_, book, desk) = filled(store).await;
        let key = key_of(table);
        let one = format!("({key}) = (SELECT {key} FROM {table} LIMIT 1)");
        desk.damage(String::leak(format!("UPDATE {table} SET {column} = {value} WHERE {one}")))
            .await;
        let found = desk.differences(&book).await;
        let told =
            |what: &str| found.iter().filter(|d| d.contains(table) && d.contains(what)).count();
        assert_eq!(found.len(), 2, "{table}: {found:#?}");
        assert_eq!(told("the row is missing"), 1, "{table}: {found:#?}");
        assert_eq!(told("the ledger has no such row"), 1, "{table}: {found:#?}");
        let extra = found.iter().find(|d| d.contains("no such row")).unwrap();
        assert!(extra.contains(value), "{table}: {extra}");
    }
}

pub(crate) async fn lag_is_no_difference(store: Store) {
    let (history, _, _) = filled(store).await;
    for seen in [0, 1, 31, 50] {
        let desk = Desk::open(store).await;
        desk.catch_up(&Arc::new(Book::of(&history.recorded[..seen]))).await;
        let book = Book::of(&history.recorded);
        assert_eq!(desk.differences(&book).await, Vec::<String>::new(), "after {seen} events");
    }
}

pub(crate) async fn a_cursor_that_the_ledger_does_not_have_is_named(store: Store) {
    let (_, book, desk) = filled(store).await;
    desk.damage(
        "UPDATE view_cursor SET event_id = X'00112233445566778899AABBCCDDEEFF'
        WHERE view = 'balances' AND partition = (SELECT min(partition) FROM payment)",
    )
    .await;
    let found = desk.differences(&book).await;
    assert!(found.len() == 1 && found[0].contains("LEDGER_DIVERGED"), "{found:#?}");
    assert!(found[0].contains("view balances"), "{found:#?}");

    let (_, book, desk) = filled(store).await;
    desk.damage(
        "UPDATE view_cursor SET position = 4711
        WHERE view = 'refunds' AND partition = (SELECT min(partition) FROM payment)",
    )
    .await;
    let found = desk.differences(&book).await;
    assert!(found.len() == 1 && found[0].contains("position 4711"), "{found:#?}");
}

pub(crate) async fn many_differences_are_counted_and_only_the_first_are_kept(store: Store) {
    let history = History::of_refunded(600);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    desk.damage("UPDATE operation SET amount = amount + 1").await;
    let reports = desk.check(&book).await;
    let kept: usize = reports.iter().map(|report| report.differences.len()).sum();
    let more: u64 = reports.iter().map(|report| report.more).sum();
    assert_eq!(kept, 4 * ViewReport::DIFFERENCES_MAX);
    assert_eq!(kept as u64 + more, 3 * 600);
}
