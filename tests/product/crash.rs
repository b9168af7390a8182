//! `kill -9` under load.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::flows::authorization;
use crate::harness::{Daybook, IMPATIENT, PATIENCE, send};
use crate::store::Store;
use tokio::time::{Instant, sleep};

const CLIENTS: usize = 16;
/// Answers that a round must bring before it is cut off.
const ANSWERS: usize = 150;

/// What the clients were told, by path and key: the body of the answer.
type Told = Arc<Mutex<BTreeMap<(String, String), String>>>;

async fn client(address: String, client: usize, round: usize, told: Told) {
    for number in 0.. {
        let key = format!("r{round}-c{client}-n{number}");
        let body = authorization(&key, 1000);
        let Some(id) = step(&address, "/api/v1/payments", &key, body, &told).await else { return };
        let path = format!("/api/v1/payments/{id}/captures");
        let capture = json!({"idempotencyKey": format!("{key}-c")});
        if step(&address, &path, &format!("{key}-c"), capture, &told).await.is_none() {
            return;
        }
    }
}

/// One request; `None` once the server is gone.
async fn step(
    address: &str,
    path: &str,
    key: &str,
    body: serde_json::Value,
    told: &Told,
) -> Option<String> {
    let answer =
        send(address, hyper::Method::POST, path, &[], Some(body.to_string())).await.ok()?;
    let id = answer.text_field("paymentId");
    if answer.status == 200 || answer.status == 201 {
        told.lock().unwrap().insert((path.to_owned(), key.to_owned()), answer.text);
    }
    Some(id)
}

pub(crate) async fn nothing_acknowledged_is_lost_by_kill_9(store: Store) {
    let rounds = if std::env::var("DAYBOOK_DRILL").is_ok() { 10 } else { 3 };
    let seed: u64 = 20_261_123;
    let mut random = StdRng::seed_from_u64(seed);
    let flags: Vec<&str> =
        IMPATIENT.iter().copied().chain(["--simulator-latency-ms=0..20"]).collect();
    let mut daybook = Daybook::start(store, &flags).await;
    let told = Told::default();
    for round in 0..rounds {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                tokio::spawn(client(daybook.address.clone(), number, round, told.clone()))
            })
            .collect();
        grows(&told, ANSWERS, seed).await;
        // A kill at any moment of whatever is under way by then.
        sleep(Duration::from_millis(random.random_range(0..300))).await;
        daybook.kill().await;
        for client in clients {
            client.await.unwrap();
        }
        daybook.resume().await;
        daybook.verify().await;
    }
    let told = told.lock().unwrap().clone();
    for ((path, key), body) in &told {
        let request = if path == "/api/v1/payments" {
            authorization(key, 1000)
        } else {
            json!({"idempotencyKey": key})
        };
        let again = daybook.post(path, request).await;
        assert_eq!(again.text, *body, "{path} {key}, seed {seed}");
        assert!(again.headers.contains_key("idempotency-replayed"), "{path} {key}, seed {seed}");
    }
    daybook.verify_until(" 0 operations open").await;
}

/// Waits until the clients were told this much more.
async fn grows(told: &Told, by: usize, seed: u64) {
    let count = || told.lock().unwrap().len();
    let (before, give_up) = (count(), Instant::now() + PATIENCE);
    while count() < before + by {
        let more = count() - before;
        assert!(Instant::now() < give_up, "only {more} answers in a round, seed {seed}");
        sleep(Duration::from_millis(5)).await;
    }
}
