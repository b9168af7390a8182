//! The views fed from Kafka itself, with ledger and views on Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use daybook_engine::broker::topic::{TopicName, TopicSettings};
use daybook_engine::broker::{Broker, Deliveries, NotSent};
use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{LedgerId, Partition};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::ledger::{
    Append, AppendText, Incarnations, Ledger, LedgerIdentity, NewEvent, Recorded,
};
use daybook_engine::payment::{CaptureMethod, EventType};
use daybook_engine::postgres::Migrator;
use daybook_engine::postgres::scratch::{ScratchDatabase, Services};
use daybook_engine::record::RecordWriter;
use daybook_projections::feed::topic::{Patience, TopicFeedMetrics};
use daybook_projections::feed::{Feed, LedgerFeed, TopicFeed};
use daybook_projections::{Outcome, Pace, Projector};
use daybook_relay::kafka::{KafkaBroker, KafkaOptions, KafkaSettings};
use uuid::Uuid;

use crate::book::{Book, PARTITIONS, texts_of};
use crate::history::History;
use crate::tables::{Desk, Store, clock, millis_since};
use crate::topic::{counted, rows};

/// Nothing takes so long, on a busy machine either.
const LONG: Duration = Duration::from_secs(90);

/// A ledger on Postgres and a topic of the test's own.
struct Stage {
    ledger: Arc<PostgresLedger>,
    brokers: String,
    broker: Arc<KafkaBroker>,
    _database: ScratchDatabase,
}

impl Stage {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let services = tokio::task::spawn_blocking(|| Services::shared().run(&["up", "kafka"]));
        let services = services.await.unwrap();
        let brokers = services.into_iter().find(|(name, _)| name == "KAFKA_BROKERS").unwrap().1;
        let topic = format!("views.{}.{number}", SystemClock.now().millis()).parse().unwrap();
        let broker = Arc::new(broker(&brokers, topic));
        broker.create_topic(PARTITIONS, &TopicSettings::default()).await.unwrap();
        let database = ScratchDatabase::create().await;
        let mut owner = Migrator::connect(&database.owner_settings()).await.unwrap();
        let id = LedgerId::from_uuid(Uuid::nil());
        PostgresLedger::migrate(&mut owner, Some(PARTITIONS), id).await.unwrap();
        database.grant().await;
        let ledger = PostgresLedger::open(&database.server_settings(), None).await.unwrap();
        Self { ledger: Arc::new(ledger), brokers, broker, _database: database }
    }

    async fn write(&self, events: &[Recorded]) {
        for batch in events.chunks(500) {
            let appends: Vec<Append> = batch.iter().map(append).collect();
            assert!(self.ledger.append(&appends).await.unwrap().is_some());
        }
    }

    /// Publishes these in their order, and returns when the broker has them.
    async fn publish(&self, events: &[Recorded]) {
        let deliveries = Arc::new(Deliveries::new(PARTITIONS));
        let mut last = [0; PARTITIONS as usize];
        for event in events {
            let of_partition = &mut last[event.partition.index()];
            if *of_partition == 0 {
                deliveries.begin(event.partition, event.position - 1, None);
            }
            *of_partition = event.position;
        }
        let producer = self.broker.producer(deliveries.clone()).unwrap();
        let identity: LedgerIdentity = self.ledger.identity();
        let mut writer = RecordWriter::new(&identity, &Incarnations::default());
        for event in events {
            let record = writer.write(event);
            while producer.send(&record) == Err(NotSent::Full) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let all = async {
            let is_there = |(partition, last): (Partition, &u64)| {
                deliveries.acknowledged(partition).position >= *last
            };
            while !Partition::all(PARTITIONS).zip(&last).all(is_there) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG, all).await.expect("everything is acknowledged");
        producer.close().await;
    }

    fn on_topic(&self, desk: &Desk) -> (Projector, TopicFeedMetrics) {
        let settings = TopicSettings::default();
        let feed =
            TopicFeed::new(self.ledger.clone(), self.broker.clone(), settings, Patience::default());
        let metrics = feed.metrics();
        (self.projector(desk, Arc::new(feed)), metrics)
    }

    fn projector(&self, desk: &Desk, feed: Arc<dyn Feed>) -> Projector {
        let (views, all) = (desk.views.clone(), HeldPartitions::all(PARTITIONS));
        Projector::new(self.ledger.clone(), feed, views, Pace::default(), all, clock())
    }
}

fn broker(brokers: &str, topic: TopicName) -> KafkaBroker {
    let (brokers, options) = (brokers.to_owned(), KafkaOptions::default());
    KafkaBroker::new(KafkaSettings { brokers, topic, options }).unwrap()
}

fn append(event: &Recorded) -> Append {
    let event_type = EventType::parse(&event.event_type).unwrap().as_str();
    let new = NewEvent { event_id: event.event_id, event_type, data: event.data.to_string() };
    Append {
        payment_id: event.payment_id,
        first_version: event.version,
        events: vec![new],
        texts: texts_of(event).into_iter().map(append_text).collect(),
        traceparent: None,
        recorded_at: event.recorded_at,
    }
}

fn append_text(text: EventText) -> AppendText {
    AppendText { name: text.name, salt: text.salt.unwrap(), text: text.text.unwrap() }
}

/// Projects so many events; how many commits it took.
async fn project(projector: &mut Projector, wanted: usize) -> usize {
    let (mut events, mut commits) = (0, 0);
    let projecting = async {
        while events < wanted {
            if let Outcome::Applied(applied) = projector.project_once().await.unwrap() {
                (events, commits) = (events + applied, commits + 1);
            }
        }
    };
    tokio::time::timeout(LONG, projecting).await.expect("all is projected");
    commits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_from_kafka_are_those_from_the_ledger_whatever_stands_between() {
    let history = History::of_refunded(20);
    let stage = Stage::new().await;
    stage.write(&history.recorded).await;
    let (first, second) = history.recorded.split_at(60);
    stage.publish(first).await;
    // The next event of a partition, by somebody who was faster than the relay.
    let mut forged = second[0].clone();
    forged.data = forged.data.replace("1000", "9000").into();
    stage.publish(&[forged]).await;
    stage.publish(second).await;
    let desk = Desk::open(Store::Postgres).await;
    let (mut projector, metrics) = stage.on_topic(&desk);
    project(&mut projector, history.recorded.len()).await;
    assert_eq!(counted(&metrics, "dead_letters"), 1);
    let undisturbed = Desk::open(Store::Sqlite).await;
    undisturbed.catch_up(&Arc::new(Book::of(&history.recorded))).await;
    assert_eq!(rows(desk.dump().await), rows(undisturbed.dump().await));
    // It is put aside on the broker.
    let beside = broker(&stage.brokers, stage.broker.name().dead_letters());
    let letters = beside.offsets(&[Partition::new(0)]).await.unwrap();
    assert_eq!((letters[0].first, letters[0].end), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_kafka_goes_on_where_the_views_stand_and_past_a_lost_tail() {
    let history = History::of_refunded(20);
    let stage = Stage::new().await;
    let (first, rest) = history.recorded.split_at(60);
    let (second, lost) = rest.split_at(50);
    stage.write(first).await;
    stage.publish(first).await;
    let desk = Desk::open(Store::Postgres).await;
    let (mut projector, _) = stage.on_topic(&desk);
    project(&mut projector, first.len()).await;
    drop(projector);
    stage.write(rest).await;
    stage.publish(second).await;
    let (mut projector, metrics) = stage.on_topic(&desk);
    project(&mut projector, rest.len()).await;
    assert_eq!(counted(&metrics, "records"), second.len() as u64, "nothing is read twice");
    assert_eq!(counted(&metrics, "refilled"), lost.len() as u64);
}

/// `cargo test --release -p daybook-projections --test views -- --ignored --nocapture kafka`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn throughput_from_kafka_and_from_the_ledger_on_postgres() {
    let mut history = History::new();
    for payment in 0..100_000_usize {
        history.authorize(u8::try_from(payment % 251).unwrap(), 1_000, CaptureMethod::Manual);
        history.conclude_open(payment, true, 1_000);
    }
    let stage = Stage::new().await;
    stage.write(&history.recorded).await;
    stage.publish(&history.recorded).await;
    for source in ["topic", "ledger", "topic", "ledger"] {
        let desk = Desk::open(Store::Postgres).await;
        let mut projector = match source {
            "topic" => stage.on_topic(&desk).0,
            _ => stage.projector(&desk, Arc::new(LedgerFeed::new(stage.ledger.clone()))),
        };
        let events = history.recorded.len();
        let start = SystemClock.now();
        let commits = project(&mut projector, events).await;
        let millis = millis_since(start);
        let a_second = events as i64 * 1_000 / millis.max(1);
        println!("{source}: {events} events in {commits} rounds, {millis} ms: {a_second} events/s");
    }
    // What the comparison alone costs the ledger.
    let head = stage.ledger.heads().await.unwrap()[0].position;
    let start = SystemClock.now();
    let mut from = 1;
    while from < head {
        let partition = Partition::new(0);
        let stretch = daybook_engine::ledger::Stretch { partition, from, limit: 2_000 };
        stage.ledger.digests(&[stretch]).await.unwrap();
        from += 2_000;
    }
    let micros = (SystemClock.now().micros() - start.micros()) as f64 / head as f64;
    println!("digests: {micros:.2} µs an event");
}
