//! `verify` names what was tampered with, and what can be rebuilt is.

use serde_json::json;

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, IMPATIENT};
use crate::store::Store;

/// A stopped daybook with a payment that was captured and one that was not.
async fn stopped(store: Store) -> (Daybook, String) {
    let mut daybook = Daybook::start(store, &["--fee-bps=290"]).await;
    let id = authorized(&daybook, "k1", 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    authorized(&daybook, "k2", 500).await;
    daybook
        .list_until("/api/v1/operations", |list| {
            list["items"].as_array().is_some_and(|items| {
                items.len() == 3 && items.iter().all(|item| item["status"] == "SUCCEEDED")
            })
        })
        .await;
    assert_eq!(daybook.stop().await, Some(0));
    daybook.verify().await;
    (daybook, id)
}

/// Expects `verify` to end with 1 and to say each of these.
async fn names(daybook: &Daybook, parts: &[&str]) {
    let output = daybook.command("verify", &[]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

pub(crate) async fn a_changed_event_byte_is_named(store: Store) {
    let (daybook, id) = stopped(store).await;
    let changed = "UPDATE event
        SET data = replace(data, '\"approvalCode\":\"', '\"approvalCode\":\"X')
        WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[changed]).await;
    names(&daybook, &[&id, "payments"]).await;
    let spelled = "UPDATE event SET data = data || ' ' WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[spelled]).await;
    names(&daybook, &[&id, "not spelled"]).await;
    // Postgres makes no such text, whoever asks, and SQLite has no such time.
    let (no_value, named) = match store {
        Store::Embedded => ("data = X'FF' || data", "damaged"),
        Store::Postgres | Store::Kafka => ("recorded_at = '-infinity'", "recorded at no time"),
    };
    let no_value = format!("UPDATE event SET {no_value} WHERE type = 'payment.captured'");
    daybook.book.tamper_with_events(&[&no_value]).await;
    names(&daybook, &[&id, named]).await;
}

pub(crate) async fn a_changed_position_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    let changed = "UPDATE event SET position = position + 5 WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[changed]).await;
    names(&daybook, &["no event stands at position"]).await;
}

pub(crate) async fn a_head_that_was_set_back_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    let changed = "UPDATE ledger_partition SET head = head - 1 WHERE head > 1";
    daybook.book.tamper_with_ledger(&[changed]).await;
    names(&daybook, &["an event stands beyond the head"]).await;
}

pub(crate) async fn a_forged_incarnation_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    let forged = "INSERT INTO incarnation (incarnation, partition, begun_after, adopted_at)
        SELECT 2, 3, 0, recorded_at FROM event LIMIT 1";
    daybook.book.tamper_with_ledger(&[forged]).await;
    names(&daybook, &["ledger partition 3 position 0: incarnation 2 began"]).await;
}

pub(crate) async fn a_text_under_a_changed_name_is_named(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    let mut ids = Vec::new();
    for key in ["k1", "k2"] {
        let mut request = authorization(key, 1000);
        request["reference"] = json!(format!("order {key}"));
        let answer = daybook.post("/api/v1/payments", request).await.expect(201);
        ids.push(answer.text_field("paymentId"));
    }
    daybook.verify_until(", the views 0 events behind").await;
    assert_eq!(daybook.stop().await, Some(0));
    let changed = match store {
        Store::Embedded => format!("X'{}'", ids[0].replace('-', "")),
        Store::Postgres | Store::Kafka => format!("'{}'", ids[0]),
    };
    let changed = format!("UPDATE event_text SET name = 'referrer' WHERE payment_id = {changed}");
    daybook.book.tamper_with_ledger(&[&changed]).await;
    names(&daybook, &[&ids[0], "its texts can't be read", "referrer"]).await;
}

pub(crate) async fn a_changed_posting_is_named(store: Store) {
    let (daybook, id) = stopped(store).await;
    let changed = "UPDATE event SET data = replace(data, '\"amount\":971', '\"amount\":972')
        WHERE type = 'payment.captured'";
    daybook.book.tamper_with_events(&[changed]).await;
    names(&daybook, &[&id, "debits and credits", "differ by -1"]).await;
}

pub(crate) async fn a_changed_view_cell_is_named(store: Store) {
    let (daybook, id) = stopped(store).await;
    let changed = "UPDATE payment SET amount_captured = 999 WHERE amount_captured = 1000";
    daybook.book.tamper_with_views(&[changed]).await;
    names(&daybook, &[&id, "payments", "999", "1000"]).await;
}

pub(crate) async fn a_changed_cursor_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    let changed = "UPDATE view_cursor SET position = position - 1
        WHERE view = 'payments' AND position > 1";
    daybook.book.tamper_with_views(&[changed]).await;
    names(&daybook, &["view payments", "LEDGER_DIVERGED"]).await;
}

/// Puts the cursors of `table` elsewhere, each of these ways by itself, and mends them again.
async fn names_cursors_of(daybook: &Daybook, table: &str, reader: &str) {
    let away = format!("UPDATE {table} SET position = position + 4711 WHERE position > 0");
    let back = format!("UPDATE {table} SET position = position - 4711 WHERE position > 4711");
    daybook.book.tamper_with_work(&[&away]).await;
    names(daybook, &["position 47", reader, "LEDGER_DIVERGED", "ends before it"]).await;
    daybook.book.tamper_with_work(&[&back]).await;
    daybook.verify().await;
    // Another event of the same partition stands there.
    let other = format!("UPDATE {table} SET position = position - 1 WHERE position > 1");
    daybook.book.tamper_with_work(&[&other]).await;
    names(daybook, &[reader, "LEDGER_DIVERGED", "now holds event"]).await;
}

pub(crate) async fn a_changed_cursor_of_the_workers_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    names_cursors_of(&daybook, "work_cursor", "the cursor of the workers").await;
}

pub(crate) async fn a_changed_cursor_of_the_relay_is_named(store: Store) {
    let (daybook, _) = stopped(store).await;
    if store != Store::Kafka {
        // As if it had published all that the workers have folded.
        let published = "INSERT INTO relay_cursor (topic, partition, position, event_id)
            SELECT 'payments-1', partition, position, event_id FROM work_cursor WHERE position > 0";
        daybook.book.tamper_with_work(&[published]).await;
        daybook.verify().await;
    }
    let events = "relay_cursor";
    names_cursors_of(&daybook, events, "the cursor of the relay to ").await;
}

pub(crate) async fn a_second_serve_on_the_same_data_does_no_harm(store: Store) {
    let mut daybook = Daybook::start(store, &[]).await;
    match store {
        Store::Embedded => {
            let refused = daybook.command("serve", &["--listen=127.0.0.1:0"]).await;
            assert_eq!(refused.status.code(), Some(2));
            let message = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(message.contains("another daybook"), "{message}");
            // The lock goes with its process, however it ends.
            daybook.kill().await;
            daybook.resume().await;
        }
        Store::Postgres | Store::Kafka => {
            let other = daybook.beside(&[]).await;
            let body = authorization("k1", 1000);
            let first = daybook.post("/api/v1/payments", body.clone()).await.expect(201);
            let again = other.post("/api/v1/payments", body).await.expect(201);
            assert_eq!(again.text, first.text);
            assert_eq!(again.header("idempotency-replayed"), "true");
            daybook.verify().await;
        }
    }
}

pub(crate) async fn lost_views_and_work_rows_are_rebuilt(store: Store) {
    let (mut daybook, id) = stopped(store).await;
    daybook.book.lose_views_and_work_rows().await;
    daybook.resume().await;
    daybook
        .list_until("/api/v1/operations", |list| {
            list["items"].as_array().is_some_and(|items| items.len() == 3)
        })
        .await;
    let path = format!("/api/v1/payments/{id}/refunds");
    assert_eq!(daybook.post(&path, json!({})).await.expect(200).field("status"), "REFUNDED");
    daybook.verify().await;
}

pub(crate) async fn the_lost_work_row_of_an_open_capture_is_rebuilt(store: Store) {
    let mut daybook = Daybook::start(store, IMPATIENT).await;
    let id = authorized(&daybook, "k1", 1000).await;
    assert_eq!(daybook.stop().await, Some(0));
    // So slow that the capture is with the acquirer when the process dies.
    daybook.resume_with(&["--simulator-latency-ms=4000"]).await;
    let path = format!("/api/v1/payments/{id}/captures");
    daybook.post_with(&path, &[("prefer", "wait=0")], json!({})).await.expect(202);
    daybook.kill().await;
    let text = daybook.verify().await;
    assert!(text.contains(" 1 operations open"), "{text}");
    daybook.book.lose_views_and_work_rows().await;
    let slow: Vec<&str> = IMPATIENT.iter().copied().chain(["--simulator-latency-ms=100"]).collect();
    daybook.resume_with(&slow).await;
    let done = daybook.reaches(&id, &["CAPTURED"]).await;
    assert_eq!(done.field("amountCaptured"), 1000, "{}", done.text);
    assert_eq!(done.field("captures").as_array().map(Vec::len), Some(1), "{}", done.text);
    let types = daybook.event_types(&id).await;
    assert_eq!(types.iter().filter(|kind| *kind == "captured").count(), 1, "{types:?}");
    daybook.verify_until(" 0 operations open").await;
}
