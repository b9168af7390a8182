//! Pages: in order, no row twice, and rows that arrive in between move nothing.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::PaymentId;
use daybook_projections::views::list::{Domain, Filter, KeyColumn, List, Test};
use daybook_projections::views::row::Cell;
use daybook_projections::views::{
    SettlementLineBody, balances, journal, operations, payments, refunds, settlements,
};
use daybook_projections::{Page, PageQuery, ViewError};
use serde_json::json;

use crate::book::{Book, colour};
use crate::history::History;
use crate::tables::{Desk, Store, Views};

/// Every list under one face: its rows as text, with what they are ordered by in front.
async fn page(views: &dyn Views, query: &PageQuery) -> Result<Page<String>, ViewError> {
    fn shown<T: Debug>(page: Page<T>, key: impl Fn(&T) -> String) -> Page<String> {
        let items = page.items.iter().map(|item| format!("{} {item:?}", key(item))).collect();
        Page { items, next: page.next, positions: page.positions }
    }
    Ok(match query.list.name {
        "payments" => shown(views.payments(query).await?, |p| {
            format!("{} {}", p.payment.created_at, p.payment_id)
        }),
        "settlements" => shown(views.settlements(query).await?, |s| {
            format!("{} {} {}", s.date, s.merchant_id, s.currency)
        }),
        "settlement-lines" => {
            shown(views.settlement_lines(query).await?, |l| format!("{} {}", l.date, l.at))
        }
        "refunds" => {
            shown(views.refunds(query).await?, |r| format!("{} {}", r.requested_at, r.operation_id))
        }
        "operations" => shown(views.operations(query).await?, |o| {
            format!("{} {}", o.requested_at, o.operation_id)
        }),
        "journal" => {
            shown(views.journal(query).await?, |p| format!("{} {} {}", p.date, p.at, p.line))
        }
        "balances" => shown(views.balances(query).await?, |b| {
            format!("{} {} {}", b.merchant_id, b.currency, b.account.as_str())
        }),
        other => panic!("no list {other}"),
    })
}

const LISTS: [&List; 7] = [
    &payments::LIST,
    &settlements::LIST,
    &settlements::LINES,
    &refunds::LIST,
    &operations::LIST,
    &balances::LIST,
    &journal::LIST,
];

/// A query with these parameters.
fn query(list: &'static List, parameters: &[(&str, &str)]) -> PageQuery {
    let mut query = PageQuery::of(list);
    for (name, value) in parameters {
        match list.filters.iter().find(|filter| filter.name == *name) {
            Some(filter) => query.filter(filter, filter.domain.parse(value).unwrap()),
            None if *name == "sort" => query.sort(value).unwrap(),
            None => query.filter_text(name, value),
        }
    }
    query
}

fn of_merchant(list: &'static List, merchant: Option<&str>) -> PageQuery {
    match merchant {
        Some(merchant) => query(list, &[("merchantId", merchant)]),
        None => query(list, &[]),
    }
}

async fn all_pages(views: &dyn Views, query: &PageQuery) -> Vec<String> {
    let (mut query, list) = (query.clone(), query.list.name);
    let mut rows = Vec::new();
    loop {
        let page = page(views, &query).await.unwrap();
        assert!(page.items.len() <= query.limit as usize, "{list}: {} rows", page.items.len());
        rows.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return rows,
        }
    }
}

async fn filled(store: Store, flows: usize) -> (History, Desk) {
    let history = History::of_refunded(flows);
    let desk = Desk::open(store).await;
    desk.catch_up(&Arc::new(Book::of(&history.recorded))).await;
    (history, desk)
}

pub(crate) async fn every_list_is_in_order_and_holds_every_row_once(store: Store) {
    let (_, desk) = filled(store, 20).await;
    for list in LISTS {
        for merchant in [None, Some("shop's 1")] {
            let whole = of_merchant(list, merchant);
            let at_once = all_pages(desk.views.as_ref(), &whole).await;
            assert!(at_once.len() > 1, "{} of {merchant:?}: {at_once:?}", list.name);
            let mut sorted = at_once.clone();
            sorted.sort();
            if list.is_descending {
                sorted.reverse();
            }
            assert_eq!(at_once, sorted, "{} of {merchant:?}", list.name);
            assert_eq!(at_once.iter().collect::<BTreeSet<_>>().len(), at_once.len(), "{at_once:?}");
            for limit in [1, 3, 7] {
                let query = whole.clone().limit(limit);
                let paged = all_pages(desk.views.as_ref(), &query).await;
                assert_eq!(paged, at_once, "{} of {merchant:?} by {limit}", list.name);
            }
        }
    }
}

pub(crate) async fn every_order_and_its_opposite_hold_the_same_rows(store: Store) {
    let (_, desk) = filled(store, 20).await;
    for (table, amount) in [("refund", 7), ("settlement_line", 1001), ("operation", 700)] {
        change_first(&desk, table, 3, &format!("amount = {amount}")).await;
    }
    for list in LISTS {
        let whole = all_pages(desk.views.as_ref(), &query(list, &[])).await;
        let whole: BTreeSet<&String> = whole.iter().collect();
        for order in list.orders {
            let up = all_pages(desk.views.as_ref(), &query(list, &[("sort", order.name)])).await;
            let down = format!("-{}", order.name);
            let down = query(list, &[("sort", &down)]).limit(3);
            let mut down = all_pages(desk.views.as_ref(), &down).await;
            down.reverse();
            assert_eq!(up, down, "{} by {}", list.name, order.name);
            let KeyColumn(column, domain) = &order.key[0];
            if matches!(domain, Domain::Amount | Domain::Sum) && list.name != "payments" {
                let numbers: Vec<i64> = up.iter().filter_map(|row| number(row, column)).collect();
                assert!(numbers.is_sorted(), "{} by {}: {numbers:?}", list.name, order.name);
                assert!(numbers.first() < numbers.last(), "{} has one {column} alone", list.name);
            }
            assert_eq!(
                up.iter().collect::<BTreeSet<_>>(),
                whole,
                "{} by {}",
                list.name,
                order.name
            );
        }
    }
}

/// Changes cells of a table's first rows, by operation.
async fn change_first(desk: &Desk, table: &str, rows: u32, set: &str) {
    let first = format!("SELECT operation_id FROM {table} ORDER BY operation_id LIMIT {rows}");
    let change = format!("UPDATE {table} SET {set} WHERE operation_id IN ({first})");
    desk.damage(String::leak(change)).await;
}

/// Every filter of every list, with a value that some rows have and others don't.
pub(crate) async fn every_filter_holds_back_what_it_must(store: Store) {
    let (_, desk) = filled(store, 20).await;
    desk.damage("UPDATE payment SET status = 'VOIDED', amount = 7 WHERE currency = 'JPY'").await;
    desk.damage("UPDATE operation SET status = 'FAILED', amount = 7 WHERE verb = 'refund'").await;
    desk.damage("UPDATE settlement_line SET amount = 7 WHERE kind = 'refund'").await;
    for table in ["operation", "refund"] {
        change_first(&desk, table, 2, "amount = 7, status = 'UNKNOWN'").await;
    }
    for list in LISTS {
        let whole = all_pages(desk.views.as_ref(), &query(list, &[])).await;
        for filter in list.filters {
            let value = sample(filter, &whole);
            let found =
                all_pages(desk.views.as_ref(), &query(list, &[(filter.name, &value)])).await;
            let name = format!("{} by {}={value}", list.name, filter.name);
            assert!(!found.is_empty() && found.len() < whole.len(), "{name}: {}", found.len());
            assert!(found.iter().all(|row| whole.contains(row)), "{name}");
            let bound = match filter.domain.parse(&value).unwrap() {
                Cell::Integer(bound) => bound,
                Cell::Time(at) => at.micros() / 1000,
                Cell::Text(day) if filter.domain == Domain::Day => joined(&day),
                _ => continue,
            };
            // Payments show what their events say, whatever stands in the columns.
            if list.name != "payments" {
                let (column, test) = meant(filter.name);
                let passes = |row: &&String| {
                    number(row, &column).is_some_and(|number| match test {
                        Test::Is => number == bound,
                        Test::AtLeast => number >= bound,
                        Test::AtMost => number <= bound,
                        Test::Before => number < bound,
                    })
                };
                let passed = whole.iter().filter(passes).collect::<Vec<_>>();
                let is_same = found.iter().collect::<Vec<_>>() == passed;
                assert!(is_same, "{name}: {} rows, and {} pass", found.len(), passed.len());
            }
        }
    }
}

/// What a filter of a number, a time or a day says by its name, whatever the list's table says of it.
fn meant(name: &str) -> (String, Test) {
    let snake = |name: &str| {
        let words = name.chars().flat_map(|c| {
            let gap = c.is_uppercase().then_some('_');
            gap.into_iter().chain(c.to_lowercase())
        });
        words.collect::<String>().trim_start_matches('_').to_owned()
    };
    let of_time = |stem: &str| match stem {
        "" => "at".to_owned(),
        "date" => "date".to_owned(),
        done => format!("{done}_at"),
    };
    let lower = name.to_lowercase();
    if let Some(rest) = name.strip_prefix("min") {
        (snake(rest), Test::AtLeast)
    } else if let Some(rest) = name.strip_prefix("max") {
        (snake(rest), Test::AtMost)
    } else if let Some(stem) = lower.strip_suffix("from") {
        (of_time(stem), Test::AtLeast)
    } else if let Some(stem) = lower.strip_suffix("before") {
        (of_time(stem), Test::Before)
    } else if let Some(stem) = lower.strip_suffix("to") {
        (of_time(stem), Test::AtMost)
    } else {
        (snake(name), Test::Is)
    }
}

/// What stands in a column of a row: a number, milliseconds, or a day's digits; `None` for nothing.
fn number(row: &str, column: &str) -> Option<i64> {
    let (_, rest) = row.split_once(&format!(" {column}: ")).unwrap_or_else(|| panic!("{row}"));
    let start = rest.find(|c: char| c.is_ascii_digit() || c == '-').unwrap();
    if rest.starts_with("None") {
        return None;
    }
    let rest = &rest[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    Some(joined(&rest[..end]))
}

/// A number, and of a day its digits.
fn joined(text: &str) -> i64 {
    let (sign, digits) = text.split_at(usize::from(text.starts_with('-')));
    format!("{sign}{}", digits.replace('-', "")).parse().unwrap()
}

/// A value of the filter that splits the rows.
fn sample(filter: &Filter, rows: &[String]) -> String {
    let row = &rows[rows.len() / 2];
    let id_of_payment = || {
        let rest = row.split_once("payment_id: ").unwrap().1;
        let mut words = rest.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
        words.find(|word| word.len() == 36).unwrap().to_owned()
    };
    match filter.domain {
        Domain::Merchant => "shop's 1".to_owned(),
        Domain::Currency => "JPY".to_owned(),
        Domain::PaymentStatus => "VOIDED".to_owned(),
        Domain::OperationStatus => "UNKNOWN".to_owned(),
        Domain::Verb => "capture".to_owned(),
        Domain::Account => "fees".to_owned(),
        Domain::Side => "credit".to_owned(),
        Domain::LineKind => "refund".to_owned(),
        Domain::Amount => "100".to_owned(),
        Domain::Sum => {
            let sums = rows.iter().filter_map(|row| number(row, filter.column));
            let sum = if filter.test == Test::AtLeast { sums.max() } else { sums.min() };
            sum.unwrap().to_string()
        }
        Domain::Day if filter.test == Test::AtMost => "2026-11-23".to_owned(),
        Domain::Day => "2026-11-24".to_owned(),
        // Payments don't show it.
        Domain::Time if row.contains(" Payment {") => "2026-11-24T00:00:00Z".to_owned(),
        // Of a row itself, so that another column of it lies on the other side.
        Domain::Time => {
            let (column, _) = meant(filter.name);
            let times: Vec<i64> = rows.iter().filter_map(|row| number(row, &column)).collect();
            Timestamp::from_millis(times[times.len() / 2]).to_string()
        }
        Domain::Id => id_of_payment(),
        Domain::Count => panic!("no list is filtered by {filter:?}"),
    }
}

/// The rows of a list's payments, in every order, where few payments have the texts and where many do.
pub(crate) async fn rows_are_found_by_their_payments_texts_in_every_order(store: Store) {
    let (history, desk) = filled(store, 20).await;
    let ids: BTreeSet<PaymentId> = history.recorded.iter().map(|event| event.payment_id).collect();
    let of_red: Vec<String> =
        ids.iter().filter(|id| colour(**id) == "red").map(PaymentId::to_string).collect();
    let one = history.recorded[0].payment_id.to_string();
    let reference = format!("it's order {one}");
    for is_frequent in [false, true] {
        if is_frequent {
            desk.damage(of_others(store)).await;
        }
        for list in LISTS.into_iter().filter(|list| list.has_texts) {
            for sort in list.sorts() {
                let whole = all_pages(desk.views.as_ref(), &query(list, &[("sort", &sort)])).await;
                let of = |ids: &[String]| -> Vec<String> {
                    let is_of = |row: &&String| ids.iter().any(|id| row.contains(id));
                    whole.iter().filter(is_of).cloned().collect()
                };
                let name = format!("{} by {sort}, frequent: {is_frequent}", list.name);
                for others in [&[][..], &[("metadata.a.b", "\"quoted\"")]] {
                    let red = [&[("metadata.colour", "red"), ("sort", &sort)], others].concat();
                    let found = all_pages(desk.views.as_ref(), &query(list, &red).limit(2)).await;
                    assert!(found.len() > 2 && found.len() < whole.len(), "{name}: {found:?}");
                    assert_eq!(found, of(&of_red), "{name} and {others:?}");
                }
                let of_one =
                    [("merchantId", "shop's 1"), ("metadata.colour", "red"), ("sort", &sort)];
                let found = all_pages(desk.views.as_ref(), &query(list, &of_one).limit(2)).await;
                let mut expected = of(&of_red);
                expected.retain(|row| row.contains("shop's 1"));
                assert_eq!(found, expected, "{name} of a merchant");

                let by_reference = query(list, &[("reference", &reference), ("sort", &sort)]);
                let found = all_pages(desk.views.as_ref(), &by_reference).await;
                assert!(!found.is_empty(), "{name}");
                assert_eq!(found, of(std::slice::from_ref(&one)), "{name}");

                let nobody = [("metadata.colour", "red"), ("reference", "x"), ("sort", &sort)];
                let nobody = query(list, &nobody);
                let found = all_pages(desk.views.as_ref(), &nobody).await;
                assert_eq!(found, Vec::<String>::new(), "{name}");
            }
        }
    }
}

/// Red payments by the thousand, of which no list has a row.
const fn of_others(store: Store) -> &'static str {
    match store {
        Store::Sqlite => {
            "WITH RECURSIVE other (number) AS (
                 SELECT 1 UNION ALL SELECT number + 1 FROM other WHERE number < 5000)
             INSERT INTO payment_text
             SELECT 0, unhex(printf('%032x', number)), 1, 'metadata.colour', 'red', 0 FROM other"
        }
        Store::Postgres => {
            "INSERT INTO payment_text
             SELECT 0, lpad(to_hex(number), 32, '0')::uuid, 1, 'metadata.colour', 'red', now()
             FROM generate_series(1, 5000) AS number"
        }
    }
}

pub(crate) async fn a_search_by_texts_is_as_far_as_their_view(store: Store) {
    let (history, desk) = filled(store, 9).await;
    desk.damage(
        "UPDATE view_cursor SET position = 0, event_id = NULL
         WHERE view = 'texts' AND partition = 2",
    )
    .await;
    for list in LISTS.into_iter().filter(|list| list.has_texts) {
        let plain = query(list, &[]);
        let searching = query(list, &[("reference", "x")]);
        for (query, is_searching) in [(plain, false), (searching, true)] {
            let of_page = page(desk.views.as_ref(), &query).await.unwrap().positions;
            assert_eq!(of_page, desk.views.positions(&query).await.unwrap(), "{}", list.name);
            for (partition, position) in of_page {
                let is_behind = is_searching && partition.number() == 2;
                let head = history.of_partition(partition).len() as u64;
                assert!(head > 0, "partition {partition} is empty");
                assert_eq!(position, if is_behind { 0 } else { head }, "{}", list.name);
            }
        }
    }
}

pub(crate) async fn a_list_of_one_merchant_holds_no_other_merchants_rows(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let all = all_pages(desk.views.as_ref(), &of_merchant(list, None)).await;
        let mut parts = Vec::new();
        for id in ["shop's 0", "shop's 1", "shop's 2"] {
            let own = all_pages(desk.views.as_ref(), &of_merchant(list, Some(id))).await;
            assert!(own.iter().all(|row| row.contains(id)), "{} of {id}: {own:?}", list.name);
            parts.extend(own);
        }
        assert_eq!(parts.len(), all.len(), "{}", list.name);
        let nobody = of_merchant(list, Some("nobody"));
        assert!(all_pages(desk.views.as_ref(), &nobody).await.is_empty(), "{}", list.name);
    }
}

pub(crate) async fn rows_that_arrive_between_two_pages_move_nothing(store: Store) {
    let history = History::of_refunded(20);
    let (before, later) = history.recorded.split_at(60);
    let book = Arc::new(Book::of(before));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    for list in [&payments::LIST, &refunds::LIST, &operations::LIST, &settlements::LINES] {
        let whole = PageQuery::of(list);
        let keys = |rows: Vec<String>| -> Vec<String> {
            rows.iter().map(|row| row.split('{').next().unwrap().to_owned()).collect()
        };
        let known = keys(all_pages(desk.views.as_ref(), &whole).await);
        let first = PageQuery::of(list).limit(2);
        let first = page(desk.views.as_ref(), &first).await.unwrap();
        book.add(later);
        desk.catch_up(&book).await;
        let rest = PageQuery::of(list).after(first.next).limit(3);
        let rest = keys(all_pages(desk.views.as_ref(), &rest).await);
        assert_eq!([keys(first.items), rest].concat(), known, "{}", list.name);
        book.change(|events| *events = before.to_vec());
        desk.damage(
            "DELETE FROM payment; DELETE FROM operation; DELETE FROM refund;
            DELETE FROM settlement; DELETE FROM settlement_line; DELETE FROM balance;
            DELETE FROM posting; DELETE FROM payment_text;
            UPDATE view_cursor SET position = 0, event_id = NULL",
        )
        .await;
        desk.catch_up(&book).await;
    }
}

pub(crate) async fn a_page_says_how_far_its_view_is(store: Store) {
    let (history, desk) = filled(store, 9).await;
    for list in LISTS {
        let query = PageQuery::of(list).limit(1);
        let positions = page(desk.views.as_ref(), &query).await.unwrap().positions;
        assert_eq!(positions.len(), 4, "{}", list.name);
        for (partition, position) in positions {
            assert_eq!(position, history.of_partition(partition).len() as u64, "{}", list.name);
        }
    }
}

pub(crate) async fn a_cursor_of_another_list_or_of_nobody_is_refused(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let is_refunds = list.name == "refunds";
        let other = if is_refunds { &operations::LIST } else { &refunds::LIST };
        let query = PageQuery::of(list).limit(1);
        let next = page(desk.views.as_ref(), &PageQuery::of(other).limit(1)).await.unwrap().next;
        for bad in [next, Some("x".to_owned()), Some(String::new())] {
            let query = query.clone().after(bad);
            let answer = page(desk.views.as_ref(), &query).await;
            assert!(matches!(answer, Err(ViewError::BadCursor)), "{}: {answer:?}", list.name);
        }
    }
}

pub(crate) async fn a_cursor_changed_in_any_part_is_refused(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let query = PageQuery::of(list).limit(1);
        let next = page(desk.views.as_ref(), &query).await.unwrap().next.unwrap();
        let json = text_of(&next);
        let key: serde_json::Value = serde_json::from_str(&json).unwrap();
        let mut changed = vec![json.replace("[", "[ "), json.replace("\",", "\",1,")];
        // A single part stands by itself, several in an array.
        let parts = key[1].as_array().map_or(0, Vec::len);
        for wrong in [json!("it's"), json!(true), json!(null), json!("9999-99-99"), json!(-1)] {
            for part in 0..parts {
                let mut key = key.clone();
                key[1][part] = wrong.clone();
                // Whatever is printable is a merchant's id.
                let is_merchant = wrong.is_string() && text_of_part(&json, part).contains("shop");
                changed.extend((!is_merchant).then(|| key.to_string()));
            }
            let mut key = key.clone();
            key[1] = wrong;
            changed.push(key.to_string());
        }
        for bad in changed {
            let query = query.clone().after(Some(cursor_of(&bad)));
            let answer = page(desk.views.as_ref(), &query).await;
            assert!(matches!(answer, Err(ViewError::BadCursor)), "{} {bad}: {answer:?}", list.name);
        }
        let query = query.after(Some(next));
        page(desk.views.as_ref(), &query).await.unwrap();
    }
}

fn text_of(cursor: &str) -> String {
    let (digits, _) = cursor.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    String::from_utf8(digits.iter().map(byte).collect()).unwrap()
}

fn text_of_part(json: &str, part: usize) -> String {
    serde_json::from_str::<serde_json::Value>(json).unwrap()[1][part].to_string()
}

fn cursor_of(json: &str) -> String {
    json.bytes().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn lines_can_be_asked_for_by_currency_and_day(store: Store) {
    let (_, desk) = filled(store, 9).await;
    desk.damage("UPDATE settlement_line SET date = '2026-11-22' WHERE position % 2 = 0").await;
    let mut counted = 0;
    for currency in ["EUR", "JPY"] {
        for date in ["2026-11-21", "2026-11-22", "2026-11-23"] {
            let of = query(&settlements::LINES, &[("currency", currency), ("date", date)]);
            let mut of = of.limit(2);
            loop {
                let page = desk.views.settlement_lines(&of).await.unwrap();
                let is_asked_for = |line: &SettlementLineBody| {
                    line.currency.as_str() == currency && line.date.to_string() == date
                };
                assert!(page.items.iter().all(is_asked_for));
                counted += page.items.len();
                match page.next {
                    Some(next) => of.after = Some(next),
                    None => break,
                }
            }
        }
    }
    assert_eq!(counted, 18, "9 captures and 9 refunds");
}

pub(crate) async fn a_sum_beyond_64_bits_is_refused_not_wrapped(store: Store) {
    let (_, desk) = filled(store, 9).await;
    desk.damage(
        "UPDATE settlement SET gross_amount = 9223372036854775807;
         UPDATE balance SET debits = 9223372036854775807",
    )
    .await;
    let totals = desk.views.settlements(&PageQuery::of(&settlements::LIST)).await;
    assert!(matches!(totals, Err(ViewError::Overflow { .. })), "{totals:?}");
    let accounts = desk.views.balances(&PageQuery::of(&balances::LIST)).await;
    assert!(matches!(accounts, Err(ViewError::Overflow { .. })), "{accounts:?}");

    let more = History::of_refunded(90);
    let book = Arc::new(Book::of(&more.recorded));
    desk.catch_up(&book).await;
    let parked = desk.views.parked().await.unwrap();
    assert!(!parked.is_empty(), "what the sums don't take is left out");
    for payment in parked.iter() {
        assert!(payment.cause.contains("does not fit into 64 bits"), "{payment:?}");
    }
}
