//! The views against a fold of the ledger's text.

use std::collections::BTreeMap;

use super::Oracle;
use super::account::Account;
use super::breach::Invariant::ViewsAreTheFold;
use super::entry::Entry;
use super::operation::{Operation, Progress};
use super::status::status;

/// A row of a view's table, every cell as text; an absent value is `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRow {
    pub table: String,
    pub cells: BTreeMap<String, String>,
}

/// Rows by table and key.
type Rows = BTreeMap<String, BTreeMap<String, String>>;

impl Oracle {
    /// A partition's rows, of views whose cursor stands at `position`.
    pub fn views(&mut self, partition: u16, position: u64, rows: &[ViewRow]) {
        let events = &self.ledger[usize::from(partition)];
        let seen = events.get(..usize::try_from(position).unwrap_or(usize::MAX));
        let Some(seen) = seen else {
            self.breach(
                ViewsAreTheFold,
                format!("the views of {partition} stand at {position}, beyond the ledger"),
            );
            return;
        };
        let expected = fold(partition, seen);
        let mut found = Rows::new();
        for row in rows {
            // The folded payment itself, which is checked by everything beside it.
            let cells = row.cells.iter().filter(|(name, _)| *name != "state");
            let cells: BTreeMap<_, _> = cells.map(|(n, text)| (n.clone(), text.clone())).collect();
            found.insert(key(&row.table, &cells), cells);
        }
        if found != expected {
            let missing = expected.iter().find(|(key, cells)| found.get(*key) != Some(cells));
            let extra = found.iter().find(|(key, _)| !expected.contains_key(*key));
            let is_found = missing.and_then(|(key, _)| found.get(key));
            self.breach(
                ViewsAreTheFold,
                format!("partition {partition} at {position}: expected {missing:?}, found {is_found:?}; beyond that {extra:?}"),
            );
        }
    }
}

fn key(table: &str, cells: &BTreeMap<String, String>) -> String {
    let names: &[&str] = match table {
        "payment" => &["payment_id"],
        "operation" | "refund" => &["operation_id"],
        "settlement" => &["merchant_id", "currency", "date"],
        "settlement_line" => &["position"],
        "posting" => &["position", "line"],
        _ => &["merchant_id", "currency", "account"],
    };
    let values = names.iter().filter_map(|name| cells.get(*name).map(String::as_str));
    format!("{table} {}", values.collect::<Vec<_>>().join(" "))
}

fn fold(partition: u16, events: &[Entry]) -> Rows {
    let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
    let mut rows = Rows::new();
    for entry in events {
        // What is wrong with an event was said when it was committed.
        let _ = accounts.entry(&entry.payment).or_default().apply(entry);
        let currency = entry.text_of("currency").to_owned();
        let account = &accounts[entry.payment.as_str()];
        let verb = account.operation(entry.operation()).map_or("", |operation| operation.verb);
        post(&mut rows, partition, entry, verb, &currency);
    }
    for (payment, account) in &accounts {
        put(&mut rows, "payment", payment_cells(partition, payment, account));
        for operation in &account.operations {
            let cells = operation_cells(partition, payment, account, operation);
            if operation.verb == "refund" {
                put(&mut rows, "refund", refund_cells(&cells, operation));
            }
            put(&mut rows, "operation", cells);
        }
    }
    rows
}

fn put(rows: &mut Rows, table: &str, cells: BTreeMap<String, String>) {
    rows.insert(key(table, &cells), cells);
}

fn cells<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

fn or_null(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "null".to_owned())
}

fn payment_cells(partition: u16, payment: &str, account: &Account) -> BTreeMap<String, String> {
    cells([
        ("partition", partition.to_string()),
        ("payment_id", payment.to_owned()),
        ("version", account.version.to_string()),
        ("position", account.position.to_string()),
        ("merchant_id", account.merchant.clone()),
        ("status", status(account).to_owned()),
        ("currency", account.currency.clone()),
        ("amount", account.amount.to_string()),
        ("amount_authorized", account.settled("authorize").to_string()),
        ("amount_captured", account.settled("capture").to_string()),
        ("amount_refunded", account.settled("refund").to_string()),
        ("created_at", account.created_at.clone()),
        ("updated_at", account.updated_at.clone()),
    ])
}

fn operation_cells(
    partition: u16,
    payment: &str,
    account: &Account,
    operation: &Operation,
) -> BTreeMap<String, String> {
    cells([
        ("partition", partition.to_string()),
        ("operation_id", operation.id.clone()),
        ("payment_id", payment.to_owned()),
        ("merchant_id", account.merchant.clone()),
        ("currency", account.currency.clone()),
        ("verb", operation.verb.to_owned()),
        ("amount", operation.amount.to_string()),
        ("amount_settled", operation.settled.to_string()),
        ("status", operation.progress.as_str().to_owned()),
        ("late", or_null(operation.late.as_ref())),
        ("idempotency_key", or_null(operation.key.as_ref())),
        ("requested_at", operation.requested_at.clone()),
        ("completed_at", or_null(operation.completed_at.as_ref())),
        ("acquirer_transaction_id", or_null(operation.transaction.as_ref())),
        ("response_code", or_null(operation.response.as_ref())),
    ])
}

/// The same without verb, key and what came late; the amount is what was moved once it was.
fn refund_cells(
    cells: &BTreeMap<String, String>,
    operation: &Operation,
) -> BTreeMap<String, String> {
    let mut cells = cells.clone();
    for name in ["verb", "amount_settled", "late", "idempotency_key"] {
        cells.remove(name);
    }
    if operation.progress == Progress::Succeeded {
        cells.insert("amount".to_owned(), operation.settled.to_string());
    }
    cells
}

/// What an event adds to balances and settlements.
fn post(rows: &mut Rows, partition: u16, entry: &Entry, verb: &str, currency: &str) {
    let postings = entry.postings();
    let merchant = entry.text_of("merchantId").to_owned();
    for (account, is_debit, amount) in &postings {
        let blank = cells([
            ("partition", partition.to_string()),
            ("merchant_id", merchant.clone()),
            ("currency", currency.to_owned()),
            ("account", account.clone()),
            ("debits", "0".to_owned()),
            ("credits", "0".to_owned()),
        ]);
        let row = rows.entry(key("balance", &blank)).or_insert(blank);
        add(row, if *is_debit { "debits" } else { "credits" }, *amount);
    }
    if postings.is_empty() {
        return;
    }
    let (amount, fee) = (entry.number_of("amount"), entry.number_of("fee"));
    let (is_capture, date) = (verb == "capture", entry.text_of("settlementDate").to_owned());
    let mut blank = cells([
        ("partition", partition.to_string()),
        ("merchant_id", merchant.clone()),
        ("currency", currency.to_owned()),
        ("date", date.clone()),
    ]);
    for name in ["capture_count", "refund_count", "gross_amount", "refund_amount", "fee_amount"] {
        blank.insert(name.to_owned(), "0".to_owned());
    }
    let row = rows.entry(key("settlement", &blank)).or_insert(blank);
    add(row, if is_capture { "capture_count" } else { "refund_count" }, 1);
    add(row, if is_capture { "gross_amount" } else { "refund_amount" }, amount);
    add(row, "fee_amount", fee);
    let line = cells([
        ("partition", partition.to_string()),
        ("position", entry.position.to_string()),
        ("payment_id", entry.payment.clone()),
        ("operation_id", entry.operation().to_owned()),
        ("merchant_id", merchant),
        ("currency", currency.to_owned()),
        ("date", date),
        ("at", entry.at().to_owned()),
        ("kind", verb.to_owned()),
        ("amount", amount.to_string()),
        ("fee", fee.to_string()),
    ]);
    post_lines(rows, &postings, &line);
    put(rows, "settlement_line", line);
}

/// Each posting of an entry, with what a settlement's line says of the whole.
fn post_lines(rows: &mut Rows, postings: &[(String, bool, i64)], line: &BTreeMap<String, String>) {
    for ((account, is_debit, amount), number) in postings.iter().zip(1_u64..) {
        let mut posting = line.clone();
        for name in ["kind", "fee"] {
            posting.remove(name);
        }
        let side = if *is_debit { "debit" } else { "credit" };
        for (name, text) in [
            ("line", number.to_string()),
            ("account", account.clone()),
            ("side", side.to_owned()),
            ("amount", amount.to_string()),
        ] {
            posting.insert(name.to_owned(), text);
        }
        put(rows, "posting", posting);
    }
}

fn add(row: &mut BTreeMap<String, String>, name: &str, amount: i64) {
    let sum = row.get(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0) + amount;
    row.insert(name.to_owned(), sum.to_string());
}
