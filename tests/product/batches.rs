//! Many authorizations in one request.

use serde_json::{Value, json};

use crate::flows::authorization;
use crate::harness::{Answer, Daybook};
use crate::store::Store;

const PATH: &str = "/api/v1/payments/batch";

fn statuses(answer: &Answer) -> Vec<u64> {
    let items = answer.field("items");
    let items = items.as_array().unwrap_or_else(|| panic!("no items: {}", answer.text));
    items.iter().map(|item| item["status"].as_u64().unwrap()).collect()
}

pub(crate) async fn a_batch_is_authorized_item_by_item_and_repeated_alike(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    let mut items: Vec<Value> =
        (0..100).map(|number| authorization(&format!("k{number}"), 1000)).collect();
    items[7]["amount"] = json!(999_000_001);
    items[8]["amount"] = json!(0);
    let body = json!({ "items": items });
    let first = daybook.post(PATH, body.clone()).await.expect(200);
    let mut expected = vec![201; 100];
    expected[8] = 400;
    assert_eq!(statuses(&first), expected, "{}", first.text);
    assert_eq!(first.field("items/7/payment/status"), "DECLINED");
    assert_eq!(first.field("items/8/problem/code"), "AMOUNT_INVALID");
    assert_eq!(first.header("idempotency-replayed"), "");
    // 99 intents and 99 outcomes; one after the other they would be as many commits.
    let commits = daybook.metric("daybook_ledger_commits_total").await;
    assert!(commits < 99, "{commits} commits: the items share none");

    daybook.kill().await;
    daybook.resume().await;
    assert_eq!(daybook.post(PATH, body).await.expect(200).text, first.text);
    // An item is a request like any other.
    let alone = daybook.post("/api/v1/payments", authorization("k0", 1000)).await.expect(201);
    assert_eq!(alone.json(), first.field("items/0/payment"));
    daybook.verify().await;
}

pub(crate) async fn items_without_room_are_refused_alone(store: Store) {
    let flags = ["--queue-max=4", "--simulator-latency-ms=4000", "--wait-ms=20000"];
    let daybook = Daybook::start(store, &flags).await;
    let items: Vec<_> = (0..20).map(|number| authorization(&format!("k{number}"), 1000)).collect();
    let answer = daybook.post(PATH, json!({ "items": items })).await.expect(200);
    let accepted = statuses(&answer).iter().filter(|status| **status == 201).count();
    assert!((2..=3).contains(&accepted), "{}", answer.text);
    let items = answer.field("items");
    let refused = items.as_array().unwrap().iter().filter(|item| {
        item["status"] == 503
            && item["problem"]["code"] == "OVERLOADED"
            && item["retryAfterSeconds"] == 1
    });
    assert_eq!(refused.count(), 20 - accepted, "{}", answer.text);
    daybook.verify().await;
}
