//! The relay under load while its broker, its topic or itself goes away.

use std::time::Duration;

use daybook_engine::ids::Partition;
use daybook_engine::record::TopicRecord;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use crate::flows::authorized;
use crate::harness::{Daybook, IMPATIENT, PATIENCE, send};
use crate::kafka::{Brokers, Topic};
use crate::outages::Clients;
use crate::store::{Book, Store};

const PUBLISHED: &str = "daybook_relay_published_total";
const OPENED: &str = "daybook_relay_breaker_changes_total{state=\"open\"}";
const OUTBOX: &str = "daybook_relay_outbox_events";
/// Few, so that each has records.
const PARTITIONS: u16 = 4;

fn is_drill() -> bool {
    std::env::var("DAYBOOK_DRILL").is_ok()
}

fn flags() -> Vec<&'static str> {
    IMPATIENT.iter().copied().chain(["--simulator-latency-ms=0..5"]).collect()
}

fn topic(daybook: &Daybook) -> &Topic {
    let Book::Kafka(_, topic) = &*daybook.book else { panic!("it has a topic") };
    topic
}

/// What `relay verify` says, and whether it found nothing wrong.
async fn relay_verify(daybook: &Daybook) -> (String, bool) {
    let output = daybook.command("relay verify", &[]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{text}\n{errors}");
    (text, output.status.code() == Some(0))
}

/// Everything is in the topic and in the views.
async fn assert_caught_up(daybook: &Daybook) -> String {
    let give_up = Instant::now() + PATIENCE;
    while daybook.metric(OUTBOX).await > 0 {
        assert!(Instant::now() < give_up, "the outbox does not get empty");
        sleep(Duration::from_millis(100)).await;
    }
    let (text, is_clean) = relay_verify(daybook).await;
    assert!(is_clean, "{text}");
    daybook.verify_until(", the views 0 events behind").await;
    text
}

/// The states that the breakers of the log came into, one after the other.
fn breaker_states(daybook: &Daybook) -> Vec<&'static str> {
    let log = daybook.said();
    let state = |line: &str| match line {
        _ if line.contains("the breaker is open") => Some("open"),
        _ if line.contains("the breaker of the relay") && line.contains("half_open") => {
            Some("half_open")
        }
        _ if line.contains("the breaker of the relay") => Some("closed"),
        _ => None,
    };
    log.lines().filter_map(state).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_outage_costs_nothing_but_delay() {
    let outage = Duration::from_secs(if is_drill() { 20 } else { 4 });
    let brokers = Brokers::start("kafka").await;
    let daybook = Daybook::start_on(brokers.book(&[]).await, &flags()).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    clients.grows(50).await;
    daybook.metric_reaches(PUBLISHED, 50).await;
    brokers.stop().await;
    let stopped = Instant::now();
    daybook.metric_reaches(OPENED, 1).await;
    let ready = send(daybook.address_of("relay"), hyper::Method::GET, "/readyz", &[], None).await;
    let ready = ready.unwrap().expect(503);
    assert!(ready.text.contains("the breaker is "), "{}", ready.text);
    while stopped.elapsed() < outage {
        clients.grows(10).await;
        daybook.get("/readyz").await.expect(200);
    }
    let outbox = daybook.metric(OUTBOX).await;
    assert!(outbox > 0, "the outbox is measured");
    brokers.resume().await;
    clients.grows(50).await;
    assert_eq!(clients.refused(), 0, "no request fails");
    clients.check(running, &daybook).await;
    assert_caught_up(&daybook).await;
    let states = breaker_states(&daybook);
    assert_eq!(states[..2], ["open", "half_open"], "{states:?}");
    assert_eq!(states.last(), Some(&"closed"), "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == "closed").count(), 1, "{states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_relay_leaves_no_gap() {
    let rounds = if is_drill() { 10 } else { 2 };
    let mut random = StdRng::seed_from_u64(20_261_125);
    let mut daybook = Daybook::start(Store::Kafka, &flags()).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    for _ in 0..rounds {
        let before = daybook.metric(PUBLISHED).await;
        daybook.metric_reaches(PUBLISHED, before + 50).await;
        // At any moment of whatever is under way by then.
        sleep(Duration::from_millis(random.random_range(0..300))).await;
        daybook.kill_role("relay").await;
        daybook.resume_role("relay").await;
    }
    clients.grows(20).await;
    assert_eq!(clients.refused(), 0, "no request fails");
    clients.check(running, &daybook).await;
    assert_caught_up(&daybook).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_brokers_may_die() {
    let brokers = Brokers::start("kafka3").await;
    let daybook = Daybook::start_on(brokers.book(&[]).await, &flags()).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    daybook.metric_reaches(PUBLISHED, 50).await;
    brokers.kill(1).await;
    let before = daybook.metric(PUBLISHED).await;
    daybook.metric_reaches(PUBLISHED, before + 200).await;
    brokers.resume().await;
    assert_eq!(clients.refused(), 0, "no request fails");
    clients.check(running, &daybook).await;
    assert_caught_up(&daybook).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_topic_is_created_again_and_goes_on() {
    let daybook = Daybook::start(Store::Kafka, &flags()).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    daybook.metric_reaches(PUBLISHED, 100).await;
    topic(&daybook).delete().await;
    let before = daybook.metric(PUBLISHED).await;
    daybook.metric_reaches(PUBLISHED, before + 100).await;
    assert_eq!(clients.refused(), 0, "no request fails");
    clients.check(running, &daybook).await;
    let text = assert_caught_up(&daybook).await;
    assert!(text.contains("the topic was created anew then"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_get_from_the_ledger_what_retention_deleted_unread() {
    let partitions = format!("--partitions={PARTITIONS}");
    let mut daybook = Daybook::start(Store::Kafka, &[&partitions]).await;
    daybook.kill_role("projections").await;
    for number in 0..40 {
        authorized(&daybook, &format!("k{number}"), 1000).await;
    }
    daybook.metric_reaches(PUBLISHED, 80).await;
    topic(&daybook).delete_records(PARTITIONS).await;
    daybook.resume_role("projections").await;
    let text = assert_caught_up(&daybook).await;
    assert!(text.contains("records were deleted"), "{text}");
}

fn set_header(record: &mut TopicRecord, name: &str, value: &str) {
    let of = |header: &&mut (String, Option<Vec<u8>>)| header.0 == name;
    record.headers.iter_mut().find(of).unwrap().1 = Some(value.as_bytes().to_vec());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_verify_names_what_was_tampered_with() {
    let partitions = format!("--partitions={PARTITIONS}");
    let mut daybook = Daybook::start(Store::Kafka, &[&partitions]).await;
    for number in 0..60 {
        authorized(&daybook, &format!("k{number}"), 1000).await;
    }
    assert_caught_up(&daybook).await;
    assert_eq!(daybook.stop().await, Some(0));
    let topic = topic(&daybook);
    let mut topics = Vec::new();
    for number in 0..PARTITIONS {
        topics.push(topic.records(Partition::new(number)).await);
    }
    topics[0].remove(4);
    topics[1].swap(4, 5);
    set_header(&mut topics[2][4], "ce_id", "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77");
    let again = topics[3][4].clone();
    topics[3].push(again);
    topic.delete().await;
    topic.create(PARTITIONS).await;
    topic.produce(&topics.concat()).await;
    let (text, is_clean) = relay_verify(&daybook).await;
    assert!(!is_clean, "{text}");
    for named in [
        "partition 0 offset 4 position 5: missing",
        "partition 1 offset 5 position 5: is out of order",
        "partition 2 offset 4 position 5: is event 0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77",
        ", 1 of them repeats",
    ] {
        assert!(text.contains(named), "{named:?} is missing in:\n{text}");
    }
    assert!(!text.contains("partition 3"), "{text}");
    let output = daybook.command("relay rewind", &["--to=0"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.lines().count(), usize::from(PARTITIONS), "{said}");
}
