//! Lists by what people ask for: filters, orders, CSV, and pages while payments are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::store::Store;

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no items in {list}"))
}

fn ids(list: &Value) -> Vec<&str> {
    items(list).iter().map(|payment| payment["paymentId"].as_str().unwrap()).collect()
}

/// A payment with an amount, a reference and a channel in its metadata; its id and position.
pub(crate) async fn ordered(daybook: &Daybook, number: i64, channel: &str) -> (String, String) {
    let mut body = authorization(&format!("order-{number}"), number * 100);
    body["reference"] = json!(format!("=order {number}"));
    body["metadata"] = json!({"channel": channel, "it's": "a \"b\""});
    let answer = daybook.post("/api/v1/payments", body).await.expect(201);
    (answer.text_field("paymentId"), answer.text_field("position"))
}

pub(crate) async fn payments_are_found_by_what_is_known_of_them(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let mut known = Vec::new();
    for number in 1..=6 {
        let channel = if number % 2 == 0 { "web" } else { "shop" };
        known.push(ordered(&daybook, number, channel).await);
    }
    // A reader that asks for its own write's position waits for nothing else.
    for (_, position) in &known {
        let path = format!("/api/v1/payments?minPosition={position}&limit=1");
        let answer = daybook.send(Method::GET, &path, &[("prefer", "wait=20")], None).await;
        answer.unwrap().expect(200);
    }
    let id = |number: usize| known[number - 1].0.as_str();
    for (query, expected) in [
        ("reference=%3Dorder+3", vec![3]),
        ("metadata.channel=web&sort=createdAt", vec![2, 4, 6]),
        ("metadata.channel=web&metadata.it%27s=a+%22b%22&sort=-amount", vec![6, 4, 2]),
        ("metadata.channel=web&reference=%3Dorder+3", vec![]),
        ("minAmount=300&maxAmount=400&sort=amount", vec![3, 4]),
        ("status=AUTHORIZED&currency=EUR&minAmount=600", vec![6]),
        ("status=CAPTURED", vec![]),
        ("createdBefore=2020-01-01T00:00:00Z", vec![]),
    ] {
        let path = format!("/api/v1/payments?{query}");
        let expected: Vec<&str> = expected.into_iter().map(id).collect();
        daybook.list_until(&path, |list| ids(list) == expected).await;
    }
    let page = daybook.get("/api/v1/payments?status=AUTHORIZED&limit=2").await.expect(200);
    let cursor = page.text_field("nextCursor");
    let next = format!("/api/v1/payments?status=AUTHORIZED&limit=3&cursor={cursor}");
    assert_eq!(ids(&daybook.get(&next).await.expect(200).json()).len(), 3);
    for other in ["", "status=DECLINED&", "status=AUTHORIZED&sort=createdAt&"] {
        let path = format!("/api/v1/payments?{other}cursor={cursor}");
        let refused = daybook.get(&path).await.expect(422);
        assert_eq!(refused.text_field("code"), "CURSOR_INVALID", "{other}: {refused:?}");
    }
    daybook.verify().await;
}

/// Three payments are captured and refunded by half; the second has a channel of its own.
pub(crate) async fn what_belongs_to_payments_is_found_by_them_and_by_sums(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=100"]).await;
    let mut known = Vec::new();
    for number in 1..=3 {
        let channel = if number == 2 { "web" } else { "shop" };
        let (id, _) = ordered(&daybook, number, channel).await;
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
        let half = json!({"amount": number * 50, "idempotencyKey": "half"});
        daybook.post(&format!("/api/v1/payments/{id}/refunds"), half).await.expect(200);
        known.push(id);
    }
    let second = known[1].as_str();
    // Three captures of three postings, and three refunds of two.
    daybook.list_until("/api/v1/journal", |list| items(list).len() == 15).await;
    for list in ["refunds", "operations", "settlements/lines", "journal"] {
        let counts = match list {
            "refunds" => (1, 2),
            "operations" => (3, 6),
            "settlements/lines" => (2, 4),
            _ => (5, 10),
        };
        for (query, count) in [
            (format!("paymentId={second}"), counts.0),
            ("reference=%3Dorder+2".to_owned(), counts.0),
            ("metadata.channel=web".to_owned(), counts.0),
            ("metadata.channel=shop&sort=amount".to_owned(), counts.1),
            (format!("metadata.channel=shop&paymentId={second}"), 0),
        ] {
            let path = format!("/api/v1/{list}?{query}");
            let found = daybook.list_until(&path, |list| items(list).len() == count).await;
            let of_second = |item: &&Value| item["paymentId"] == second;
            let expected = if query.contains("shop") { 0 } else { count };
            assert_eq!(items(&found).iter().filter(of_second).count(), expected, "{path}: {found}");
        }
    }
    // 600 captured with a fee of 6, and 300 given back.
    for (query, count) in [
        ("settlements?minNetAmount=294&maxNetAmount=294", 1),
        ("settlements?minNetAmount=295", 0),
        ("settlements?maxGrossAmount=599", 0),
        ("settlements?minGrossAmount=600&sort=-netAmount", 1),
        ("balances?minBalance=294&maxBalance=294&account=merchant_payable", 1),
        ("balances?minBalance=6&sort=-balance", 3),
        ("balances?maxBalance=-1", 0),
        ("settlements/lines?before=2020-01-01T00:00:00Z", 0),
        ("settlements/lines?from=2020-01-01T00:00:00Z&minAmount=200", 2),
        ("journal?from=2020-01-01T00:00:00Z&sort=-amount&account=fees", 3),
    ] {
        let found = daybook.get(&format!("/api/v1/{query}")).await.expect(200).json();
        assert_eq!(items(&found).len(), count, "{query}: {found}");
    }
    daybook.verify().await;
}

pub(crate) async fn a_list_comes_whole_as_csv(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=100"]).await;
    for number in 1..=3 {
        let (id, _) = ordered(&daybook, number, "web").await;
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    }
    daybook.list_until("/api/v1/journal", |list| items(list).len() == 9).await;
    daybook.list_until("/api/v1/payments?status=CAPTURED", |list| items(list).len() == 3).await;
    let csv = async |path: &str| {
        let accept = [("accept", "text/csv")];
        let answer = daybook.send(Method::GET, path, &accept, None).await.unwrap().expect(200);
        answer.text.split_terminator("\r\n").map(str::to_owned).collect::<Vec<_>>()
    };
    let payments = csv("/api/v1/payments?sort=amount").await;
    assert_eq!(payments.len(), 4, "{payments:#?}");
    assert!(payments[0].starts_with("paymentId,merchantId,status,"), "{payments:#?}");
    for (line, number) in payments[1..].iter().zip(1..) {
        let texts = r#""{""channel"":""web"",""it's"":""a \""b\""""}""#;
        assert!(line.ends_with(texts), "{line}");
        assert!(line.contains(&format!(",'=order {number},manual,")), "{line}");
        assert!(line.contains(&format!(",CAPTURED,EUR,{0},{0},0,{0},", number * 100)), "{line}");
    }
    let journal = csv("/api/v1/journal?account=merchant_payable&sort=date").await;
    assert_eq!(journal.len(), 4, "{journal:#?}");
    assert!(journal[1].contains(",merchant_payable,credit,99,"), "{journal:#?}");
    let one = csv("/api/v1/journal?limit=1").await;
    assert_eq!(one.len(), 2, "{one:#?}");
    let accept = [("accept", "text/html")];
    let refused = daybook.send(Method::GET, "/api/v1/journal", &accept, None).await.unwrap();
    assert_eq!(refused.expect(406).text_field("code"), "NOT_ACCEPTABLE");
}

/// The same at scale, with times: `bench run pages`.
pub(crate) async fn no_payment_is_missed_or_shown_twice_while_others_are_written(store: Store) {
    let daybook = Arc::new(Daybook::start(store, &[]).await);
    let mut known = Vec::new();
    for number in 0..40 {
        known.push(authorized(&daybook, &format!("k{number}"), 1000).await);
    }
    daybook.list_until("/api/v1/payments", |list| items(list).len() == 40).await;
    let stop = CancellationToken::new();
    let writing = tokio::spawn({
        let (daybook, stop) = (Arc::clone(&daybook), stop.clone());
        async move {
            for number in 0.. {
                if stop.is_cancelled() {
                    return number;
                }
                authorized(&daybook, &format!("later-{number}"), 1000).await;
            }
            0
        }
    });
    for sort in ["-createdAt", "createdAt", "-amount", "amount"] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/payments?limit=7&sort={sort}{after}");
            let page = daybook.get(&path).await.expect(200).json();
            for id in ids(&page) {
                *seen.entry(id.to_owned()).or_default() += 1;
            }
            match page["nextCursor"].as_str() {
                Some(cursor) => after = format!("&cursor={cursor}"),
                None => break,
            }
            if sort.ends_with("createdAt") && known.iter().all(|id| seen.contains_key(id)) {
                break;
            }
        }
        assert!(seen.values().all(|count| *count == 1), "{sort}: {seen:?}");
        let missed: Vec<_> = known.iter().filter(|id| !seen.contains_key(*id)).collect();
        assert!(missed.is_empty(), "{sort}: {missed:?} of {}", seen.len());
    }
    stop.cancel();
    assert!(writing.await.unwrap() > 0, "nothing was written meanwhile");
}
