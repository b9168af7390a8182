//! An acquirer in a process of its own, killed, made slow and made late.

mod process;
mod reckoning;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::process::Acquirer;
use self::reckoning::agrees;
use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, IMPATIENT, PATIENCE, send};
use crate::store::Store;

const BREAKER: &[&str] = &[
    "--acquirer-connect-timeout-ms=300",
    "--acquirer-breaker-calls-min=4",
    "--acquirer-breaker-wait-ms=50",
    "--acquirer-breaker-wait-max-ms=200",
];
/// An open one stays open for longer than a request waits for its outcome.
const PATIENT_BREAKER: &[&str] = &[
    "--acquirer-breaker-calls-min=4",
    "--acquirer-breaker-wait-ms=5000",
    "--acquirer-breaker-wait-max-ms=5000",
];
const OPENINGS: &str = "daybook_acquirer_breaker_openings_total";
const CLIENTS: usize = 12;
/// Steps that clients must have done before the acquirer is killed again.
const STEPS: usize = 60;

async fn start(store: Store, acquirer: &Acquirer, breaker: &[&str]) -> Daybook {
    let url = format!("--acquirer-url=http://{}", acquirer.address);
    let flags: Vec<&str> = IMPATIENT.iter().chain(breaker).copied().chain([&*url]).collect();
    Daybook::start(store, &flags).await
}

/// What clients share.
#[derive(Default)]
struct Load {
    steps: AtomicUsize,
    is_over: std::sync::atomic::AtomicBool,
}

async fn client(address: String, number: usize, load: Arc<Load>) {
    for flow in 0.. {
        if load.is_over.load(Ordering::SeqCst) {
            return;
        }
        let key = format!("c{number}-{flow}");
        let payment = concluded(&address, "/api/v1/payments", authorization(&key, 1000)).await;
        load.steps.fetch_add(1, Ordering::SeqCst);
        // Declined where the acquirer provably never heard of it.
        if payment["status"] == "DECLINED" {
            assert_eq!(payment["declineCode"], "ACQUIRER_NOT_REACHED", "{payment}");
            continue;
        }
        let path = format!("/api/v1/payments/{}", payment["paymentId"].as_str().unwrap());
        let capture = json!({"amount": 600, "idempotencyKey": format!("{key}-c")});
        concluded(&address, &format!("{path}/captures"), capture).await;
        load.steps.fetch_add(1, Ordering::SeqCst);
        let refund = json!({"amount": 200, "idempotencyKey": format!("{key}-r")});
        concluded(&address, &format!("{path}/refunds"), refund).await;
        load.steps.fetch_add(1, Ordering::SeqCst);
    }
}

/// Repeats a request with its key until it has an outcome.
async fn concluded(address: &str, path: &str, body: Value) -> Value {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let asked = send(address, hyper::Method::POST, path, &[], Some(body.to_string()));
        let answer = asked.await.unwrap();
        match answer.status.as_u16() {
            200 | 201 => return answer.json(),
            202 | 409 | 503 => sleep(Duration::from_millis(20)).await,
            _ => panic!("{path} {body}: {} {}", answer.status, answer.text),
        }
        assert!(Instant::now() < give_up, "{path} {body} has no outcome: {}", answer.text);
    }
}

pub(crate) async fn killed_under_load_it_executes_nothing_twice(store: Store) {
    let mut acquirer = Acquirer::start(&["--simulator-latency-ms=0..20"]).await;
    let daybook = start(store, &acquirer, BREAKER).await;
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(client(daybook.address.clone(), number, load.clone())))
        .collect();
    for round in 0..3_u64 {
        let (wanted, give_up) =
            (load.steps.load(Ordering::SeqCst) + STEPS, Instant::now() + PATIENCE);
        while load.steps.load(Ordering::SeqCst) < wanted {
            assert!(Instant::now() < give_up, "round {round}: the clients stand still");
            sleep(Duration::from_millis(5)).await;
        }
        acquirer.kill().await;
        daybook.metric_reaches(OPENINGS, round + 1).await;
        acquirer.resume().await;
    }
    load.is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    daybook.verify_until(" 0 operations open").await;
    let executed = agrees(&daybook, &acquirer).await;
    assert!(executed > STEPS, "only {executed} operations reached the acquirer");
}

pub(crate) async fn gone_it_opens_the_breaker_before_intents_pile_up(store: Store) {
    let mut acquirer = Acquirer::start(&[]).await;
    let daybook = start(store, &acquirer, BREAKER).await;
    let id = authorized(&daybook, "before", 1000).await;
    acquirer.kill().await;
    let mut recorded = 1;
    loop {
        let body = authorization(&format!("k{recorded}"), 1000);
        let answer = daybook.post("/api/v1/payments", body).await;
        if answer.status == 503 {
            assert_eq!(answer.text_field("code"), "ACQUIRER_UNAVAILABLE");
            break;
        }
        recorded += 1;
        assert!(recorded < 10, "the breaker stays closed: {}", answer.text);
    }
    let capture = json!({"idempotencyKey": "c"});
    for number in 0..20 {
        let body = authorization(&format!("refused-{number}"), 1000);
        let answer = daybook.post("/api/v1/payments", body).await.expect(503);
        assert_eq!(answer.header("retry-after"), "1");
        daybook.post(&format!("/api/v1/payments/{id}/captures"), capture.clone()).await.expect(503);
    }
    // What stands in the ledger is answered all the same.
    daybook.post("/api/v1/payments", authorization("before", 1000)).await.expect(201);
    assert_eq!(daybook.event_types(&id).await, ["authorization_requested", "authorized"]);
    daybook.verify_until(&format!("{recorded} payments, 0 operations open")).await;
    acquirer.resume().await;
    let path = format!("/api/v1/payments/{id}/captures");
    assert_eq!(concluded(&daybook.address, &path, capture).await["status"], "CAPTURED");
    agrees(&daybook, &acquirer).await;
}

pub(crate) async fn slow_beyond_every_limit_it_leaves_nothing_unknown(store: Store) {
    let mut acquirer = Acquirer::start(&[]).await;
    let daybook = start(store, &acquirer, PATIENT_BREAKER).await;
    let id = authorized(&daybook, "before", 1000).await;
    acquirer.kill().await;
    acquirer.resume_with(&["--simulator-latency-ms=60000"]).await;
    let path = format!("/api/v1/payments/{id}/captures");
    let capture = json!({"idempotencyKey": "c"});
    let pending = daybook.post(&path, capture.clone()).await.expect(202);
    assert_eq!(pending.field("amountCapturePending"), 1000);
    let mut keys = Vec::new();
    loop {
        let key = format!("k{}", keys.len());
        let answer = daybook.post("/api/v1/payments", authorization(&key, 1000)).await;
        if answer.status == 503 {
            break;
        }
        assert_eq!(answer.status, 202, "{}", answer.text);
        keys.push(key);
        assert!(keys.len() < 10, "the breaker stays closed: {}", answer.text);
    }
    // Its health answers all the while.
    for number in 0..20 {
        let body = authorization(&format!("refused-{number}"), 1000);
        let answer = daybook.post("/api/v1/payments", body).await.expect(503);
        assert_eq!(answer.text_field("code"), "ACQUIRER_UNAVAILABLE");
    }
    acquirer.kill().await;
    acquirer.resume_with(&[]).await;
    for key in keys {
        let body = authorization(&key, 1000);
        let payment = concluded(&daybook.address, "/api/v1/payments", body).await;
        assert_eq!(payment["status"], "AUTHORIZED", "it was executed: {payment}");
    }
    assert_eq!(concluded(&daybook.address, &path, capture).await["status"], "CAPTURED");
    daybook.verify_until(" 0 operations open").await;
    agrees(&daybook, &acquirer).await;
}

pub(crate) async fn late_answers_come_by_themselves(store: Store) {
    let acquirer = Acquirer::start(&["--simulator-late-bps=10000"]).await;
    let url = format!("--acquirer-url=http://{}", acquirer.address);
    // No inquiry comes before the notice.
    let daybook = Daybook::start(store, &[&url, "--inquiry-schedule-ms=600000"]).await;
    let body = authorization("k", 1000);
    let payment = daybook.post_with("/api/v1/payments", &[("prefer", "wait=0")], body).await;
    let id = payment.expect(202).text_field("paymentId");
    daybook.reaches(&id, &["AUTHORIZED"]).await;
    let path = format!("/api/v1/payments/{id}/captures");
    daybook.post_with(&path, &[("prefer", "wait=0")], json!({})).await.expect(202);
    daybook.reaches(&id, &["CAPTURED"]).await;
    assert_eq!(
        daybook.event_types(&id).await,
        [
            "authorization_requested",
            "operation_unknown",
            "authorized",
            "capture_requested",
            "operation_unknown",
            "captured"
        ]
    );
    daybook.verify_until(" 0 operations open").await;
    assert_eq!(agrees(&daybook, &acquirer).await, 2);
}
