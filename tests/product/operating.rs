//! What an operator asks of a running daybook.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, PATIENCE};
use crate::store::Store;

pub(crate) async fn metrics_and_health_are_served(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    assert_eq!(daybook.get("/healthz").await.expect(200).field("status"), "ok");
    let ready = daybook.get("/readyz").await.expect(200);
    assert_eq!(ready.field("status"), "ready");
    let probes = ready.field("probes");
    let probes: Vec<_> = probes.as_array().unwrap().iter().collect();
    let names: Vec<_> = probes.iter().map(|p| (p["name"].as_str(), p["status"].as_str())).collect();
    // Where each role has a process of its own, this one serves the API alone.
    let count = if store == Store::Kafka { 1 } else { 4 };
    let ok = ["ledger", "workers", "worker partitions", "projections"]
        .map(|name| (Some(name), Some("ok")));
    assert_eq!(names, ok[..count], "{}", ready.text);
    let required: Vec<_> = probes.iter().map(|p| p["isRequired"].as_bool()).collect();
    let expected = [Some(true), Some(true), Some(false), Some(false)];
    assert_eq!(required, expected[..count], "{}", ready.text);

    let metrics = daybook.get("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    assert!(metrics.text.ends_with("# EOF\n"), "{}", metrics.text);
    assert!(metrics.text.contains("\ndaybook_ledger_commits_total 0\n"), "{}", metrics.text);
    let id = authorized(&daybook, "k1", 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    // One client, one request at a time: intent and outcome of each operation are a commit each.
    for (name, expected) in [
        ("daybook_ledger_commits_total", 4),
        ("daybook_ledger_events_total", 4),
        ("daybook_acquirer_calls_total", 2),
        ("daybook_ledger_failed_batches_total", 0),
    ] {
        let found = daybook.metric(name).await;
        assert_eq!(found, expected, "{name}");
    }
    // A process without workers says nothing of them.
    let mut daybook = daybook;
    assert_eq!(daybook.stop().await, Some(0));
    daybook.resume_with(&["--role=api"]).await;
    let ready = daybook.get("/readyz").await.expect(200).field("probes");
    let names: Vec<_> = ready.as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(names, ["ledger"]);
}

pub(crate) async fn verify_runs_beside_a_busy_serve(store: Store) {
    const CLIENTS: usize = 8;
    const CHECKS: usize = 5;
    let daybook = Arc::new(Daybook::start(store, &["--fee-bps=290"]).await);
    let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (daybook, is_over, done) = (daybook.clone(), is_over.clone(), done.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    flow(&daybook, &format!("c{client}-{number}")).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..CHECKS {
        // Each check sees work that the one before it has not seen.
        let (before, give_up) = (done.load(Ordering::Relaxed), Instant::now() + PATIENCE);
        while done.load(Ordering::Relaxed) < before + CLIENTS {
            assert!(Instant::now() < give_up, "the clients stand still at {before}");
            sleep(Duration::from_millis(5)).await;
        }
        daybook.verify().await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let count = done.load(Ordering::Relaxed);
    let text = daybook.verify_until(", the views 0 events behind").await;
    assert!(text.starts_with(&format!("{count} payments, 0 operations open")), "{count}: {text}");
}

async fn flow(daybook: &Daybook, key: &str) {
    let path = "/api/v1/payments";
    let id = daybook.post(path, authorization(key, 1000)).await.expect(201);
    let id = id.text_field("paymentId");
    let body: Value = json!({"amount": 600, "idempotencyKey": format!("{key}-c")});
    daybook.post_with(&format!("{path}/{id}/captures"), WAIT, body).await.expect(200);
    daybook.post_with(&format!("{path}/{id}/refunds"), WAIT, json!({})).await.expect(200);
}

const WAIT: &[(&str, &str)] = &[("prefer", "wait=30")];
