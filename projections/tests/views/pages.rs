//! Pages: in order, no row twice, and rows that arrive in between move nothing.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use daybook_engine::merchant::MerchantId;
use daybook_engine::money::Currency;
use daybook_projections::{Page, PageQuery, ViewError};
use serde_json::json;

use crate::book::Book;
use crate::history::History;
use crate::tables::{Desk, Store, Views};

/// Every list under one face: its rows as text, with what they are ordered by in front.
async fn page(views: &dyn Views, list: &str, query: &PageQuery) -> Result<Page<String>, ViewError> {
    fn shown<T: Debug>(page: Page<T>, key: impl Fn(&T) -> String) -> Page<String> {
        let items = page.items.iter().map(|item| format!("{} {item:?}", key(item))).collect();
        Page { items, next: page.next, positions: page.positions }
    }
    Ok(match list {
        "payments" => shown(views.payments(query).await?, |p| {
            format!("{} {}", p.payment.created_at, p.payment_id)
        }),
        "settlements" => shown(views.settlements(query).await?, |s| {
            format!("{} {} {}", s.date, s.merchant_id, s.currency)
        }),
        "lines" => shown(views.settlement_lines(query, None, None).await?, |l| {
            format!("{} {}", l.date, l.at)
        }),
        "refunds" => shown(views.refunds(query).await?, |r| r.operation_id.to_string()),
        "operations" => shown(views.operations(query).await?, |o| o.operation_id.to_string()),
        "balances" => shown(views.balances(query).await?, |b| {
            format!("{} {} {}", b.merchant_id, b.currency, b.account.as_str())
        }),
        other => panic!("no list {other}"),
    })
}

const LISTS: [&str; 6] = ["payments", "settlements", "lines", "refunds", "operations", "balances"];

async fn all_pages(views: &dyn Views, list: &str, query: &PageQuery) -> Vec<String> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let page = page(views, list, &query).await.unwrap();
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
            let merchant_id = merchant.map(|id| MerchantId::parse(id).unwrap());
            let whole = PageQuery { merchant_id, after: None, limit: 200 };
            let at_once = all_pages(desk.views.as_ref(), list, &whole).await;
            assert!(at_once.len() > 1, "{list} of {merchant:?}: {at_once:?}");
            let mut sorted = at_once.clone();
            sorted.sort();
            if list != "balances" {
                sorted.reverse();
            }
            assert_eq!(at_once, sorted, "{list} of {merchant:?}");
            assert_eq!(at_once.iter().collect::<BTreeSet<_>>().len(), at_once.len(), "{list}");
            for limit in [1, 3, 7] {
                let query = PageQuery { limit, ..whole.clone() };
                let paged = all_pages(desk.views.as_ref(), list, &query).await;
                assert_eq!(paged, at_once, "{list} of {merchant:?} by {limit}");
            }
        }
    }
}

pub(crate) async fn a_list_of_one_merchant_holds_no_other_merchants_rows(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let of = |id: Option<&str>| PageQuery {
            merchant_id: id.map(|id| MerchantId::parse(id).unwrap()),
            after: None,
            limit: 200,
        };
        let all = all_pages(desk.views.as_ref(), list, &of(None)).await;
        let mut parts = Vec::new();
        for id in ["shop's 0", "shop's 1", "shop's 2"] {
            let own = all_pages(desk.views.as_ref(), list, &of(Some(id))).await;
            assert!(own.iter().all(|row| row.contains(id)), "{list} of {id}: {own:?}");
            parts.extend(own);
        }
        assert_eq!(parts.len(), all.len(), "{list}");
        assert!(
            all_pages(desk.views.as_ref(), list, &of(Some("nobody"))).await.is_empty(),
            "{list}"
        );
    }
}

pub(crate) async fn rows_that_arrive_between_two_pages_move_nothing(store: Store) {
    let history = History::of_refunded(20);
    let (before, later) = history.recorded.split_at(60);
    let book = Arc::new(Book::of(before));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    for list in ["payments", "refunds", "operations", "lines"] {
        let whole = PageQuery { limit: 200, ..PageQuery::default() };
        let keys = |rows: Vec<String>| -> Vec<String> {
            rows.iter().map(|row| row.split('{').next().unwrap().to_owned()).collect()
        };
        let known = keys(all_pages(desk.views.as_ref(), list, &whole).await);
        let first = PageQuery { limit: 2, ..PageQuery::default() };
        let first = page(desk.views.as_ref(), list, &first).await.unwrap();
        book.add(later);
        desk.catch_up(&book).await;
        let rest = PageQuery { after: first.next, limit: 3, ..PageQuery::default() };
        let rest = keys(all_pages(desk.views.as_ref(), list, &rest).await);
        assert_eq!([keys(first.items), rest].concat(), known, "{list}");
        book.change(|events| *events = before.to_vec());
        desk.damage(
            "DELETE FROM payment; DELETE FROM operation; DELETE FROM refund;
            DELETE FROM settlement; DELETE FROM settlement_line; DELETE FROM balance;
            UPDATE view_cursor SET position = 0, event_id = NULL",
        )
        .await;
        desk.catch_up(&book).await;
    }
}

pub(crate) async fn a_page_says_how_far_its_view_is(store: Store) {
    let (history, desk) = filled(store, 9).await;
    for list in LISTS {
        let query = PageQuery { limit: 1, ..PageQuery::default() };
        let positions = page(desk.views.as_ref(), list, &query).await.unwrap().positions;
        assert_eq!(positions.len(), 4, "{list}");
        for (partition, position) in positions {
            assert_eq!(position, history.of_partition(partition).len() as u64, "{list}");
        }
    }
}

pub(crate) async fn a_cursor_of_another_list_or_of_nobody_is_refused(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let other = if list == "refunds" { "operations" } else { "refunds" };
        let query = PageQuery { limit: 1, ..PageQuery::default() };
        let next = page(desk.views.as_ref(), other, &query).await.unwrap().next;
        for bad in [next, Some("x".to_owned()), Some(String::new())] {
            let query = PageQuery { after: bad, ..query.clone() };
            let answer = page(desk.views.as_ref(), list, &query).await;
            assert!(matches!(answer, Err(ViewError::BadCursor)), "{list}: {answer:?}");
        }
    }
}

pub(crate) async fn a_cursor_changed_in_any_part_is_refused(store: Store) {
    let (_, desk) = filled(store, 9).await;
    for list in LISTS {
        let query = PageQuery { limit: 1, ..PageQuery::default() };
        let next = page(desk.views.as_ref(), list, &query).await.unwrap().next.unwrap();
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
            let query = PageQuery { after: Some(cursor_of(&bad)), ..query.clone() };
            let answer = page(desk.views.as_ref(), list, &query).await;
            assert!(matches!(answer, Err(ViewError::BadCursor)), "{list} {bad}: {answer:?}");
        }
        let query = PageQuery { after: Some(next), ..query };
        page(desk.views.as_ref(), list, &query).await.unwrap();
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
    let query = PageQuery { limit: 2, ..PageQuery::default() };
    let mut counted = 0;
    for currency in ["EUR", "JPY"] {
        for date in ["2026-11-21", "2026-11-22", "2026-11-23"] {
            let (currency, date) = (Currency::parse(currency).unwrap(), date.parse().unwrap());
            let mut query = query.clone();
            loop {
                let lines = desk.views.settlement_lines(&query, Some(currency), Some(date));
                let page = lines.await.unwrap();
                assert!(page.items.iter().all(|l| l.currency == currency && l.date == date));
                counted += page.items.len();
                match page.next {
                    Some(next) => query.after = Some(next),
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
    let query = PageQuery { limit: 10, ..PageQuery::default() };
    let settlements = desk.views.settlements(&query).await;
    assert!(matches!(settlements, Err(ViewError::Overflow { .. })), "{settlements:?}");
    let balances = desk.views.balances(&query).await;
    assert!(matches!(balances, Err(ViewError::Overflow { .. })), "{balances:?}");

    let more = History::of_refunded(90);
    let book = Arc::new(Book::of(&more.recorded));
    desk.catch_up(&book).await;
    let parked = desk.views.parked().await.unwrap();
    assert!(!parked.is_empty(), "what the sums don't take is left out");
    for payment in parked.iter() {
        assert!(payment.cause.contains("does not fit into 64 bits"), "{payment:?}");
    }
}
