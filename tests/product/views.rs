//! The views say what the ledger says, and how far they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::store::Store;

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no items in {list}"))
}

pub(crate) async fn the_lists_agree_with_the_ledger(store: Store) {
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
    // Every view has a cursor of its own, so each is waited for.
    let counts = [
        ("/api/v1/settlements/lines?merchantId=shop-1", 6),
        ("/api/v1/refunds?merchantId=shop-1", 1),
        ("/api/v1/payments?merchantId=shop-2", 1),
        ("/api/v1/balances?merchantId=shop-1", 3),
        ("/api/v1/operations?merchantId=shop-1", 11),
        ("/api/v1/operations?merchantId=shop-2", 1),
    ];
    for (path, count) in counts {
        daybook.list_until(path, |list| items(list).len() == count).await;
    }
    let refunds = daybook.get("/api/v1/refunds?merchantId=shop-1").await.expect(200).json();
    assert_eq!(items(&refunds)[0]["amount"], 300, "{refunds}");
    let truth = daybook.payment(&last).await.json();
    assert_eq!(truth["status"], "PARTIALLY_REFUNDED", "{truth}");
    daybook
        .list_until("/api/v1/payments?merchantId=shop-1", |list| {
            items(list).len() == 5 && items(list).contains(&truth)
        })
        .await;
    daybook
        .list_until("/api/v1/operations", |list| {
            let positions = list["asOf"]["positions"].as_object().unwrap();
            let sum: i64 = positions.values().filter_map(Value::as_i64).sum();
            assert!(sum <= 24, "beyond the ledger: {list}");
            sum == 24
                && list["asOf"]["lagSeconds"].as_f64() == Some(0.0)
                && items(list).len() == 12
                && items(list).iter().all(|operation| operation["status"] == "SUCCEEDED")
        })
        .await;
    daybook.verify().await;
}

pub(crate) async fn pages_show_every_payment_once(store: Store) {
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
    daybook.get("/api/v1/payments?colour=red").await.expect(400);
    daybook.get("/api/v1/payments?limit=201").await.expect(400);
}

pub(crate) async fn a_tampered_cursor_of_any_list_is_refused_and_nothing_else(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    for number in 0..2 {
        let merchant = format!("shop-{number}");
        let mut body = authorization(&format!("k{number}"), 1000);
        body["merchantId"] = json!(merchant);
        let id = daybook.post("/api/v1/payments", body).await.expect(201).text_field("paymentId");
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
        daybook.post(&format!("/api/v1/payments/{id}/refunds"), json!({})).await.expect(200);
    }
    for list in [
        "payments",
        "settlements",
        "settlements/lines",
        "refunds",
        "balances",
        "operations",
        "journal",
    ] {
        let path = format!("/api/v1/{list}?limit=1");
        let page = daybook.list_until(&path, |list| list["nextCursor"].is_string()).await;
        let next = page["nextCursor"].as_str().unwrap();
        for bad in tampered(next) {
            let answer = daybook.get(&format!("{path}&cursor={bad}")).await.expect(422);
            assert_eq!(answer.text_field("code"), "CURSOR_INVALID", "{list} {bad}: {answer:?}");
        }
        let second = daybook.get(&format!("{path}&cursor={next}")).await.expect(200).json();
        assert_eq!(items(&second).len(), 1, "{list}: {second}");
    }
}

/// A cursor cut off, lengthened, with another digit at its end, and with texts where a day, time or
/// id should be.
fn tampered(cursor: &str) -> Vec<String> {
    let hex = |json: &str| json.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let name_end = hex("\",");
    let (name, _) = cursor.split_once(&name_end).unwrap();
    let mut all = vec![
        "nonsense".to_owned(),
        cursor[2..].to_owned(),
        cursor[..cursor.len() - 2].to_owned(),
        format!("{cursor}20"),
        cursor.to_uppercase(),
    ];
    for key in [
        r#"["it's","it's","it's"]"#,
        r#"["0044-03-15 BC","shop-1","EUR"]"#,
        r#"["2026-02-30","2026-11-25T00:00:00.000Z",1,1]"#,
        r#"["+262142-12-31","2026-11-25T00:00:00.000Z",1,1]"#,
        r#"["infinity","shop-1","EUR"]"#,
        r#"[9223372036854775807,"00000000-0000-0000-0000-000000000000"]"#,
        r#""not-an-id""#,
        "null",
    ] {
        all.push(format!("{name}{name_end}{}", hex(&format!("{key}]"))));
    }
    all
}
