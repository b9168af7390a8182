//! Several processes on one ledger, each with its role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::flows::{authorization, authorized};
use crate::harness::{Answer, Daybook, IMPATIENT, PATIENCE, tally};
use crate::store::{Book, Store};

const AT_ONCE: &[(&str, &str)] = &[("prefer", "wait=0")];
const PATIENTLY: &[(&str, &str)] = &[("prefer", "wait=30")];
/// How long the survivors may take to do a dead process's work.
const TAKEOVER: Duration = Duration::from_secs(10);

fn flags<'a>(role: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    IMPATIENT.iter().copied().chain([role]).chain(more.iter().copied()).collect()
}

async fn count_of_deadlocks(daybook: &Daybook) -> i64 {
    let Book::Postgres(database) = &*daybook.book else { panic!("only Postgres has several") };
    sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .fetch_one(&mut database.stranger().await)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_recorded_elsewhere_can_be_refunded_here_at_once() {
    let here = Daybook::start(Store::Postgres, &flags("--role=api", &[])).await;
    let _elsewhere = here.beside(&flags("--role=api,workers", &[])).await;
    for number in 0..20 {
        let id = authorized(&here, &format!("k{number}"), 1000).await;
        let path = format!("/api/v1/payments/{id}");
        // The worker is in another process: the answer waits for what that one records.
        let captured =
            here.post_with(&format!("{path}/captures"), PATIENTLY, json!({})).await.expect(200);
        assert_eq!(captured.field("status"), "CAPTURED", "{}", captured.text);
        let refunded =
            here.post_with(&format!("{path}/refunds"), PATIENTLY, json!({})).await.expect(200);
        assert_eq!(refunded.field("status"), "REFUNDED", "{}", refunded.text);
    }
    here.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_remembers_is_never_refused_for_what_another_wrote() {
    let here = Daybook::start(Store::Postgres, &flags("--role=api", &[])).await;
    let elsewhere = here.beside(&flags("--role=api,workers", &[])).await;
    let id = authorized(&here, "k1", 1000).await;
    let path = format!("/api/v1/payments/{id}");
    here.post_with(&format!("{path}/captures"), AT_ONCE, json!({})).await.expect(202);
    // Here nobody looks until the worker elsewhere has recorded it.
    elsewhere.reaches(&id, &["CAPTURED"]).await;
    let refunded =
        here.post_with(&format!("{path}/refunds"), PATIENTLY, json!({})).await.expect(200);
    assert_eq!(refunded.field("status"), "REFUNDED", "{}", refunded.text);
    here.verify().await;
}

/// Two of each role on one ledger.
struct Processes {
    apis: [Arc<Daybook>; 2],
    _behind: Vec<Daybook>,
}

impl Processes {
    async fn start(more: &[&str]) -> Self {
        let first = Daybook::start(Store::Postgres, &flags("--role=api", more)).await;
        let second = first.beside(&flags("--role=api", more)).await;
        let mut behind = Vec::new();
        for role in ["--role=workers", "--role=workers", "--role=projections", "--role=projections"]
        {
            behind.push(first.beside(&flags(role, more)).await);
        }
        Self { apis: [Arc::new(first), Arc::new(second)], _behind: behind }
    }

    /// Sends each request to both processes at once, or by turns.
    async fn send(&self, requests: Vec<(String, Value)>, to_both: bool) -> Vec<Vec<Answer>> {
        let mut tasks = Vec::new();
        for (number, (path, body)) in requests.into_iter().enumerate() {
            let apis: Vec<_> = match to_both {
                true => self.apis.to_vec(),
                false => vec![self.apis[number % 2].clone()],
            };
            let send = |api: Arc<Daybook>| {
                let (path, body) = (path.clone(), body.clone());
                tokio::spawn(async move { api.post_with(&path, PATIENTLY, body).await })
            };
            tasks.push(apis.into_iter().map(send).collect::<Vec<_>>());
        }
        let mut answers = Vec::new();
        for tasks in tasks {
            let mut of_one = Vec::new();
            for task in tasks {
                of_one.push(task.await.unwrap());
            }
            answers.push(of_one);
        }
        answers
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_role_agree_on_everything() {
    const PAYMENTS: usize = 40;
    let processes = Processes::start(&["--fee-bps=290"]).await;
    let [here, _] = &processes.apis;
    let payments = "/api/v1/payments".to_owned();

    // The same authorization to both at once: one payment, one answer.
    let requests: Vec<_> = (0..PAYMENTS)
        .map(|number| (payments.clone(), authorization(&format!("k{number}"), 1000)))
        .collect();
    let answers = processes.send(requests, true).await;
    let mut ids = BTreeSet::new();
    for pair in &answers {
        assert_eq!(pair[0].status, 201, "{}", pair[0].text);
        assert_eq!(pair[0].text, pair[1].text, "two answers to one key");
        ids.insert(pair[0].text_field("paymentId"));
    }
    assert_eq!(ids.len(), PAYMENTS);

    // Captures that compete for each payment, through both: 14 of 70 fit into 1000.
    let competing = |verb: &str, each: usize, amount: i64| -> Vec<(String, Value)> {
        let of = |id: &String| {
            let path = format!("/api/v1/payments/{id}/{verb}");
            let body = move |n| json!({"amount": amount, "idempotencyKey": format!("{verb}-{n}")});
            (0..each).map(|n| (path.clone(), body(n))).collect::<Vec<_>>()
        };
        ids.iter().take(8).flat_map(of).collect()
    };
    let captured = processes.send(competing("captures", 20, 70), false).await.concat();
    assert_eq!(tally(&captured), BTreeMap::from([(200, 8 * 14), (409, 8 * 6)]));
    let refunded = processes.send(competing("refunds", 15, 90), false).await.concat();
    assert_eq!(tally(&refunded), BTreeMap::from([(200, 8 * 10), (409, 8 * 5)]));
    for id in ids.iter().take(8) {
        let payment = here.payment(id).await;
        assert_eq!(payment.field("amountCaptured"), 980, "{}", payment.text);
        assert_eq!(payment.field("amountRefunded"), 900, "{}", payment.text);
    }
    let text = here.verify_until(", the views 0 events behind").await;
    assert!(text.starts_with(&format!("{PAYMENTS} payments, 0 operations open")), "{text}");
    assert_eq!(count_of_deadlocks(here).await, 0);
}

/// Captures every payment without waiting for what comes of it.
async fn capture_all(api: &Daybook, ids: &[String]) {
    for id in ids {
        let path = format!("/api/v1/payments/{id}/captures");
        api.post_with(&path, AT_ONCE, json!({})).await.expect(202);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_killed_worker_is_taken_over() {
    let slow = ["--simulator-latency-ms=150..250"];
    let api = Daybook::start(Store::Postgres, &flags("--role=api", &[])).await;
    let mut workers = [
        api.beside(&flags("--role=workers", &slow)).await,
        api.beside(&flags("--role=workers", &slow)).await,
    ];
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(authorized(&api, &format!("k{number}"), 1000).await);
    }
    let (before, after) = ids.split_at(30);
    capture_all(&api, before).await;
    // It dies with operations at the acquirer.
    workers[0].metric_reaches("daybook_acquirer_calls_total", 3).await;
    let killed_at = Instant::now();
    workers[0].kill().await;
    capture_all(&api, after).await;
    for id in &ids {
        api.reaches(id, &["CAPTURED"]).await;
        let types = api.event_types(id).await;
        let of = |wanted: &str| types.iter().filter(|kind| *kind == wanted).count();
        assert_eq!((of("capture_requested"), of("captured")), (1, 1), "{types:?}");
    }
    let took = killed_at.elapsed();
    assert!(took < TAKEOVER + Duration::from_secs(2), "it took {took:?}");
    let projections = api.beside(&flags("--role=projections", &[])).await;
    projections.verify_until(" 0 operations open").await;
}

/// How many events the views have seen, and how many there are.
async fn views_behind(daybook: &Daybook) -> String {
    let text = daybook.verify().await;
    text.lines().next().unwrap_or_default().to_owned()
}

const APPLIED: &str = "daybook_views_events_total";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_views_of_a_killed_projection_are_taken_over() {
    let api = Daybook::start(Store::Postgres, &flags("--role=api,workers", &[])).await;
    let mut one = api.beside(&flags("--role=projections", &[])).await;
    let other = api.beside(&flags("--role=projections", &[])).await;
    let mut count = 0;
    while one.metric(APPLIED).await == 0 || other.metric(APPLIED).await == 0 {
        authorize_more(&api, &mut count).await;
    }
    one.kill().await;
    are_taken_over(&api).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_views_of_a_killed_projection_are_taken_over_from_the_topic_too() {
    let mut daybook = Daybook::start(Store::Kafka, IMPATIENT).await;
    let other = daybook.beside(&flags("--role=projections", &[])).await;
    let mut count = 0;
    while daybook.metric(APPLIED).await == 0 || other.metric(APPLIED).await == 0 {
        authorize_more(&daybook, &mut count).await;
    }
    daybook.kill_role("projections").await;
    are_taken_over(&daybook).await;
}

/// Until both of two projections have a share, and have done something: the first one has everything
/// at first.
async fn authorize_more(daybook: &Daybook, count: &mut u32) {
    authorized(daybook, &format!("k{count}"), 1000).await;
    *count += 1;
    assert!(*count < 5_000, "one of two projections does nothing");
}

async fn are_taken_over(api: &Daybook) {
    let killed_at = Instant::now();
    for number in 0..100 {
        authorized(api, &format!("after-{number}"), 1000).await;
    }
    loop {
        let behind = views_behind(api).await;
        if behind.ends_with("the views 0 events behind") {
            break;
        }
        assert!(killed_at.elapsed() < PATIENCE, "{behind}");
        sleep(Duration::from_millis(100)).await;
    }
    let took = killed_at.elapsed();
    assert!(took < TAKEOVER + Duration::from_secs(2), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_says_whether_it_is_ready() {
    let api = Daybook::start(Store::Postgres, &["--role=api"]).await;
    for (role, probes) in [
        ("--role=api", vec!["ledger"]),
        ("--role=workers", vec!["ledger", "workers", "worker partitions"]),
        ("--role=projections", vec!["ledger", "projections"]),
    ] {
        let process = api.beside(&[role]).await;
        let ready = process.get("/readyz").await.expect(200);
        let names: Vec<_> = ready.field("probes").as_array().unwrap().clone();
        let names: Vec<_> = names.iter().map(|probe| probe["name"].as_str().unwrap()).collect();
        assert_eq!(names, probes, "{role}: {}", ready.text);
        if role != "--role=api" {
            let refused = process.post("/api/v1/payments", authorization("k", 1)).await.expect(503);
            assert_eq!(refused.field("code"), "API_NOT_SERVED", "{}", refused.text);
            let refused = process.get("/api/v1/refunds").await.expect(503);
            assert_eq!(refused.field("code"), "VIEWS_NOT_SERVED", "{}", refused.text);
        }
    }
}
