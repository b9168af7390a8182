//! Texts that are erased are gone: from reads, replays, lists, views, and what is built of them later.

use serde_json::{Value, json};

use crate::flows::authorization;
use crate::harness::Daybook;
use crate::store::Store;

async fn erase(daybook: &Daybook, arguments: &[&str]) -> String {
    let mut all = arguments.to_vec();
    let flags = daybook.book.owner_flags();
    all.extend(flags.iter().map(String::as_str));
    let output = daybook.program(&[&["erase"], all.as_slice()].concat()).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    said
}

/// A refunded payment with every text there is; its id, and the request that made it.
async fn written(daybook: &Daybook, key: &str) -> (String, Value) {
    let mut body = authorization(key, 1000);
    body["reference"] = json!(format!("secret order of {key}"));
    body["metadata"] = json!({"name": "secret Ann", "street": "secret lane"});
    let answer = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
    let id = answer.text_field("paymentId");
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    let refund = json!({"amount": 300, "idempotencyKey": "r", "reason": "secret quarrel"});
    daybook.post(&format!("/api/v1/payments/{id}/refunds"), refund).await.expect(200);
    (id, body)
}

pub(crate) async fn erased_texts_are_null_everywhere_and_others_stay(store: Store) {
    let daybook = Daybook::start(store, &["--partitions=2"]).await;
    let (id, request) = written(&daybook, "k1").await;
    let (other, _) = written(&daybook, "k2").await;
    daybook.verify_until(", the views 0 events behind").await;
    let found = daybook.get("/api/v1/payments?metadata.name=secret+Ann").await.expect(200);
    assert_eq!(found.json()["items"].as_array().unwrap().len(), 2, "{found:?}");

    let said = erase(&daybook, &[&id]).await;
    assert!(said.contains("3 texts erased, and 4 rows of the views"), "{said}");
    let again = erase(&daybook, &[&id]).await;
    assert!(again.contains("0 texts erased, and 0 rows of the views"), "{again}");

    let read = daybook.payment(&id).await;
    let replay = daybook.post("/api/v1/payments", request).await.expect(201);
    assert_eq!(replay.header("idempotency-replayed"), "true");
    for answer in [&read, &replay] {
        assert!(!answer.text.contains("secret"), "{answer:?}");
        assert_eq!(
            (answer.field("reference"), answer.field("metadata")),
            (Value::Null, Value::Null)
        );
    }
    let list = daybook.get("/api/v1/payments").await.expect(200);
    let payments = list.json()["items"].clone();
    for payment in payments.as_array().unwrap() {
        let is_erased = payment["paymentId"] == id.as_str();
        assert_eq!(payment.to_string().contains("secret"), !is_erased, "{payment}");
    }
    let found = daybook.get("/api/v1/payments?metadata.name=secret+Ann").await.expect(200);
    let found = found.json()["items"].clone();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["paymentId"], other.as_str());

    daybook.verify().await;
    let rebuilt = daybook.command("projections rebuild", &["texts"]).await;
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert!(said.contains("texts is rebuilt: 4 rows\n0 rows of the old view"), "{said}");
    daybook.verify_until(", the views 0 events behind").await;
}

pub(crate) async fn one_text_alone_can_be_erased_and_bad_requests_say_what_is_wrong(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    let (id, _) = written(&daybook, "k1").await;
    daybook.verify_until(", the views 0 events behind").await;
    let said = erase(&daybook, &[&id, "--field=metadata,reason"]).await;
    assert!(said.contains("metadata, reason: 2 texts erased, and 3 rows"), "{said}");
    let read = daybook.payment(&id).await;
    assert_eq!(read.field("reference"), "secret order of k1");
    assert_eq!(
        (read.field("metadata"), read.field("refunds/0/reason")),
        (Value::Null, Value::Null)
    );

    let flags = daybook.book.owner_flags();
    for (arguments, wanted) in [
        (vec!["00000000-0000-8000-8000-000000000000"], "there is no payment"),
        (vec!["nonsense"], "is no payment id"),
        (vec![id.as_str(), "--field=colour"], "reference, metadata, reason"),
    ] {
        let flags = flags.iter().map(String::as_str);
        let all: Vec<&str> = ["erase"].into_iter().chain(arguments).chain(flags).collect();
        let output = daybook.program(&all).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(wanted), "{errors}");
    }
    if store != Store::Embedded {
        let refused = daybook.command("erase", &[&id]).await;
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        assert!(errors.contains("name the owner in --database-url"), "{errors}");
    }
    // What is built anew holds what is left.
    assert_eq!(daybook.stop().await, Some(0));
    daybook.book.lose_views_and_work_rows().await;
    daybook.resume().await;
    daybook.verify_until(", the views 0 events behind").await;
    let found = daybook.get("/api/v1/payments?reference=secret+order+of+k1").await.expect(200);
    assert_eq!(found.json()["items"][0]["paymentId"], id.as_str(), "{found:?}");
}
