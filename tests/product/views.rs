//! The views say what the ledger says, and how far they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, Store};

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no items in {list}"))
}

pub async fn the_lists_agree_with_the_ledger(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=100"]).await;
    let mut last = String::new();
    for number in 0..5 {
        let id = authorized(&daybook, &format!("k{number}"), 1000).await;
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
        last = id;
    }
    let path = format!("/api/v1/payments/{last}/refunds");
    daybook.post(&path, json!({"amount": 300, "idempotencyKey": "r"})).await.expect(200);
    let mut foreign = authorization("k9", 77);
    foreign["merchantId"] = json!("shop-2");
    daybook.post("/api/v1/payments", foreign).await.expect(201);

    let settlements = daybook
        .list_until("/api/v1/settlements?merchantId=shop-1", |list| {
            items(list).first().is_some_and(|s| s["refundCount"] == 1 && s["captureCount"] == 5)
        })
        .await;
    let settlement = &items(&settlements)[0];
    let expected = json!({
        "merchantId": "shop-1", "currency": "EUR", "date": settlement["date"],
        "captureCount": 5, "refundCount": 1, "grossAmount": 5000, "refundAmount": 300,
        "feeAmount": 50, "netAmount": 4650,
    });
    assert_eq!(*settlement, expected);
    let lines = daybook.get("/api/v1/settlements/lines?merchantId=shop-1").await.expect(200).json();
    assert_eq!(items(&lines).len(), 6, "{lines}");
    let refunds = daybook.get("/api/v1/refunds?merchantId=shop-1").await.expect(200).json();
    assert_eq!(items(&refunds)[0]["amount"], 300, "{refunds}");
    let payments = daybook.get("/api/v1/payments?merchantId=shop-2").await.expect(200).json();
    assert_eq!(items(&payments).len(), 1, "{payments}");
    let one = daybook.list_until("/api/v1/payments?merchantId=shop-1", |list| {
        items(list)
            .iter()
            .any(|p| p["paymentId"] == last.as_str() && p["status"] == "PARTIALLY_REFUNDED")
    });
    let listed = one.await;
    let listed = items(&listed).iter().find(|p| p["paymentId"] == last.as_str()).unwrap().clone();
    assert_eq!(listed, daybook.payment(&last).await.json(), "list and ledger differ");
    let balances = daybook.get("/api/v1/balances?merchantId=shop-1").await.expect(200).json();
    assert_eq!(items(&balances).len(), 3, "{balances}");
    let operations = daybook.get("/api/v1/operations?merchantId=shop-1").await.expect(200).json();
    assert_eq!(items(&operations).len(), 11, "{operations}");
    assert_eq!(operations["asOf"]["lagSeconds"].as_f64(), Some(0.0), "{operations}");
    let positions = operations["asOf"]["positions"].as_object().unwrap();
    let sum: i64 = positions.values().filter_map(Value::as_i64).sum();
    assert_eq!(sum, 24, "{operations}");
    daybook.verify().await;
}

pub async fn pages_show_every_payment_once(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let mut ids = BTreeSet::new();
    for number in 0..23 {
        ids.insert(authorized(&daybook, &format!("k{number}"), 1000).await);
    }
    daybook.list_until("/api/v1/payments?limit=200", |list| items(list).len() == 23).await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page =
            daybook.get(&format!("/api/v1/payments?limit=5{after}")).await.expect(200).json();
        seen.extend(items(&page).iter().map(|p| p["paymentId"].as_str().unwrap().to_owned()));
        // A payment that arrives meanwhile is new, and comes before every page already read.
        authorized(&daybook, &format!("later-{}", seen.len()), 1).await;
        match &page["nextCursor"] {
            Value::String(next) => cursor = Some(next.clone()),
            _ => break,
        }
    }
    assert_eq!(seen.len(), 23, "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids);
    let bad = daybook.get("/api/v1/payments?cursor=nonsense").await.expect(400);
    assert!(!bad.text_field("code").is_empty());
    daybook.get("/api/v1/payments?colour=red").await.expect(400);
    daybook.get("/api/v1/payments?limit=201").await.expect(400);
}
