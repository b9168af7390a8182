//! A payment that the views can't process is set aside, and taken up again once it is mended.

use std::process::Output;

use serde_json::{Value, json};

use crate::flows::authorized;
use crate::harness::{Daybook, send};
use crate::store::Store;

/// What is damaged here and mended must not be sealed in between: `verify` would tell for ever.
const UNSEALED: &str = "--seal-every-ms=86400000";

/// Two captured payments, of 1000 and of 500, in a ledger that no view has read; and their ids.
async fn unread(store: Store) -> (Daybook, [String; 2]) {
    let mut daybook = Daybook::start(store, &["--role=api,workers", UNSEALED]).await;
    let mut ids = Vec::new();
    for (key, amount) in [("k1", 1000), ("k2", 500)] {
        let id = authorized(&daybook, key, amount).await;
        daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
        ids.push(id);
    }
    assert_eq!(daybook.stop().await, Some(0));
    (daybook, ids.try_into().unwrap())
}

async fn parked(daybook: &Daybook, arguments: &[&str]) -> (Option<i32>, String) {
    let flags = daybook.book.flags();
    let flags = flags.iter().map(String::as_str);
    let arguments: Vec<&str> = ["parked"].iter().chain(arguments).copied().chain(flags).collect();
    let Output { status, stdout, stderr } = daybook.program(&arguments).await;
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

async fn settled(daybook: &Daybook, captures: u64, gross: u64) {
    let path = "/api/v1/settlements?merchantId=shop-1";
    let is_settled = |list: &Value| {
        let first = &list["items"][0];
        first["captureCount"] == captures && first["grossAmount"] == gross
    };
    daybook.list_until(path, is_settled).await;
}

async fn says_ready(daybook: &Daybook, wanted: impl Fn(&str) -> bool) {
    let give_up = tokio::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        // Views that wait are no reason to take a process out of service.
        let address = daybook.address_of("projections");
        let answer = send(address, hyper::Method::GET, "/readyz", &[], None).await.unwrap();
        let text = answer.expect(200).text;
        if wanted(&text) {
            return;
        }
        assert!(tokio::time::Instant::now() < give_up, "/readyz stays {text}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

const DAMAGED: &str = "UPDATE event SET data = replace(data, '\"fee\"', '\"fie\"')
    WHERE type = 'payment.captured' AND data LIKE '%\"amount\":1000,%'";
const MENDED: &str = "UPDATE event SET data = replace(data, '\"fie\"', '\"fee\"')
    WHERE type = 'payment.captured'";

pub(crate) async fn a_damaged_event_parks_its_payment_until_it_is_mended(store: Store) {
    let (mut daybook, [damaged, other]) = unread(store).await;
    daybook.book.tamper_with_events(&[DAMAGED]).await;
    daybook.resume_with(&[UNSEALED]).await;
    settled(&daybook, 1, 500).await;
    daybook.metric_reaches("daybook_views_parked_payments", 1).await;
    says_ready(&daybook, |text| text.contains("1 payments are parked")).await;
    // The other goes on.
    let path = format!("/api/v1/payments/{other}/refunds");
    daybook.post(&path, json!({"amount": 100, "idempotencyKey": "r"})).await.expect(200);
    daybook
        .list_until("/api/v1/refunds", |list| list["items"].as_array().unwrap().len() == 1)
        .await;

    let (code, said) = parked(&daybook, &["list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&damaged) && said.contains("is damaged"), "{said}");
    assert!(said.contains("\n1 payments parked") && !said.contains(&other), "{said}");
    let (code, said) = parked(&daybook, &["show", &damaged]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("in every view").count(), 3, "{said}");
    let (code, said) = parked(&daybook, &["show", &other]).await;
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = parked(&daybook, &["retry", &damaged]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("stays parked"), "{said}");
    let verified = daybook.command("verify", &[]).await;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("parked payment {damaged}")), "{said}");
    assert!(said.contains("\n1 differences"), "the views are right as far as they go: {said}");

    daybook.book.tamper_with_events(&[MENDED]).await;
    let said = daybook.verify().await;
    assert!(said.contains("1 payments parked"), "{said}");
    let (code, said) = parked(&daybook, &["retry", &damaged]).await;
    assert_eq!(code, Some(0), "{said}");
    settled(&daybook, 2, 1500).await;
    says_ready(&daybook, |text| !text.contains("parked")).await;
    let path = format!("/api/v1/payments/{damaged}/refunds");
    daybook.post(&path, json!({"amount": 100, "idempotencyKey": "r"})).await.expect(200);
    let said = daybook.verify_until(", the views 0 events behind").await;
    assert!(!said.contains("parked"), "{said}");
}

pub(crate) async fn an_event_that_says_something_impossible_parks_its_payment_alone(store: Store) {
    let (mut daybook, [impossible, _]) = unread(store).await;
    // A capture that nobody asked for: its operation's id begins otherwise.
    let changed =
        "UPDATE event SET data = replace(data, '\"operationId\":\"0', '\"operationId\":\"f')
        WHERE type = 'payment.captured' AND data LIKE '%\"amount\":1000,%'";
    daybook.book.tamper_with_events(&[changed]).await;
    daybook.resume_with(&[UNSEALED]).await;
    settled(&daybook, 1, 500).await;
    daybook.metric_reaches("daybook_views_parked_payments", 1).await;
    let (code, said) = parked(&daybook, &["list"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&impossible) && said.contains("does not have"), "{said}");
    let mended =
        "UPDATE event SET data = replace(data, '\"operationId\":\"f', '\"operationId\":\"0')
        WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[mended]).await;
    let (code, said) = parked(&daybook, &["retry", "--all"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 payments taken up again, 0 stay parked"), "{said}");
    settled(&daybook, 2, 1500).await;
    daybook.verify_until(", the views 0 events behind").await;
}
