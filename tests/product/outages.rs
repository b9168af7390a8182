//! Postgres goes away, or stands still, and comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use sqlx::Executor;
use tokio::time::{Duration, Instant, sleep};

use crate::flows::{authorization, authorized};
use crate::harness::{Answer, Daybook, IMPATIENT, PATIENCE, send};
use crate::server::Server;
use crate::store::{Book, Store};

/// Clients that authorize and capture until they are told to stop, and repeat what was refused.
#[derive(Clone, Default)]
pub(crate) struct Clients {
    is_over: Arc<AtomicBool>,
    /// What was answered with 2xx and an outcome, by path and key.
    told: Arc<Mutex<BTreeMap<(String, String), String>>>,
    refused: Arc<AtomicUsize>,
    /// Answers that are neither a success nor a clear refusal.
    unclear: Arc<Mutex<Vec<String>>>,
}

impl Clients {
    const COUNT: usize = 16;

    pub(crate) fn start(&self, address: &str) -> Vec<tokio::task::JoinHandle<()>> {
        let start = |client| {
            let (clients, address) = (self.clone(), address.to_owned());
            tokio::spawn(async move { clients.run(&address, client).await })
        };
        (0..Self::COUNT).map(start).collect()
    }

    async fn run(self, address: &str, client: usize) {
        for number in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("c{client}-n{number}");
            let path = "/api/v1/payments".to_owned();
            let payment = self.until_done(address, path, &key, authorization(&key, 1000)).await;
            // One whose intent was recorded, and that could not be sent in time, ends declined.
            if payment.field("status") == "DECLINED" {
                assert_eq!(
                    payment.field("declineCode"),
                    "ACQUIRER_NOT_REACHED",
                    "{}",
                    payment.text
                );
                continue;
            }
            let path = format!("/api/v1/payments/{}/captures", payment.text_field("paymentId"));
            let key = format!("{key}-c");
            let capture = json!({"idempotencyKey": key});
            self.until_done(address, path, &key, capture).await;
        }
    }

    /// Repeats the request with its key until it has its outcome.
    async fn until_done(
        &self,
        address: &str,
        path: String,
        key: &str,
        body: serde_json::Value,
    ) -> Answer {
        let give_up = Instant::now() + 2 * PATIENCE;
        loop {
            let sent = send(address, hyper::Method::POST, &path, &[], Some(body.to_string())).await;
            let answer = sent.expect("the process itself stays up");
            match answer.status.as_u16() {
                200 | 201 => {
                    self.told.lock().unwrap().insert((path, key.to_owned()), answer.text.clone());
                    return answer;
                }
                202 => {}
                429 | 503 => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    if !answer.headers.contains_key("retry-after") {
                        self.unclear.lock().unwrap().push(answer.text.clone());
                    }
                }
                _ => {
                    self.unclear.lock().unwrap().push(answer.text.clone());
                    return answer;
                }
            }
            assert!(Instant::now() < give_up, "{path} {key} is never done: {}", answer.text);
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    pub(crate) async fn grows(&self, by: usize) {
        let (before, give_up) = (self.count(), Instant::now() + PATIENCE);
        while self.count() < before + by {
            assert!(Instant::now() < give_up, "only {} answers more", self.count() - before);
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn is_refused(&self) {
        let (before, give_up) = (self.refused.load(Ordering::Relaxed), Instant::now() + PATIENCE);
        while self.refused.load(Ordering::Relaxed) == before {
            assert!(Instant::now() < give_up, "nothing is refused");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// So many requests were refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Ends the clients; every answer they got is given again, and the book is right.
    pub(crate) async fn check(self, clients: Vec<tokio::task::JoinHandle<()>>, daybook: &Daybook) {
        self.is_over.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(*self.unclear.lock().unwrap(), Vec::<String>::new());
        let told = self.told.lock().unwrap().clone();
        for ((path, key), body) in &told {
            let request = match path.ends_with("captures") {
                true => json!({"idempotencyKey": key}),
                false => authorization(key, 1000),
            };
            let again = daybook.post(path, request).await;
            assert_eq!(again.text, *body, "{path} {key}");
            assert!(again.headers.contains_key("idempotency-replayed"), "{path} {key}");
        }
        let text = daybook.verify_until(" 0 operations open").await;
        let payments = told.keys().filter(|(path, _)| !path.ends_with("captures")).count();
        assert!(text.starts_with(&format!("{payments} payments,")), "{payments}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_postgres_under_load_loses_nothing() {
    let rounds = if std::env::var("DAYBOOK_DRILL").is_ok() { 5 } else { 2 };
    let server = Server::start().await;
    let flags: Vec<&str> =
        IMPATIENT.iter().copied().chain(["--simulator-latency-ms=0..5"]).collect();
    let daybook = Daybook::start_on(server.book(&[]).await, &flags).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    for _ in 0..rounds {
        clients.grows(100).await;
        server.stop().await;
        clients.is_refused().await;
        daybook.get("/readyz").await.expect(503);
        for (path, code) in [
            ("/api/v1/payments/00000000-0000-8000-8000-000000000000", "LEDGER_UNAVAILABLE"),
            ("/api/v1/payments", "VIEWS_UNAVAILABLE"),
        ] {
            assert_eq!(daybook.get(path).await.expect(503).field("code"), code);
        }
        server.resume().await;
        // By itself: nobody tells the process.
        clients.grows(100).await;
    }
    daybook.get("/readyz").await.expect(200);
    clients.check(running, &daybook).await;
    let log = server.log().await;
    assert!(!log.contains("deadlock detected"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_held_open_elsewhere_delays_nothing() {
    let hold = if std::env::var("DAYBOOK_DRILL").is_ok() { 60 } else { 3 };
    let daybook = Daybook::start(Store::Postgres, &[]).await;
    let Book::Postgres(database) = &*daybook.book else { panic!("it is Postgres") };
    let mut elsewhere = database.stranger().await;
    // It has written, so it has a transaction id and holds back everything that waits for one.
    for statement in [
        "CREATE TABLE elsewhere (n int)",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "INSERT INTO elsewhere VALUES (1)",
        "SELECT count(*) FROM event",
    ] {
        elsewhere.execute(statement).await.unwrap();
    }
    let until = Instant::now() + Duration::from_secs(hold);
    let mut count = 0;
    while Instant::now() < until {
        let started = Instant::now();
        let id = authorized(&daybook, &format!("k{count}"), 1000).await;
        let path = format!("/api/v1/payments/{id}");
        daybook.post(&format!("{path}/captures"), json!({})).await.expect(200);
        daybook.post(&format!("{path}/refunds"), json!({})).await.expect(200);
        count += 1;
        daybook
            .list_until("/api/v1/operations?limit=200", |list| {
                let items = list["items"].as_array().unwrap();
                items.len() == (3 * count).min(200) && list["asOf"]["lagSeconds"] == json!(0.0)
            })
            .await;
        assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    }
    elsewhere.execute("COMMIT").await.unwrap();
    daybook.verify().await;
}
