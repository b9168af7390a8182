//! Topics as Kafka has them.

use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::ids::Partition;
use daybook_engine::record::Published;
use daybook_relay::breaker::BreakerState::{Closed, Open};
use daybook_relay::kafka::{KafkaBroker, KafkaOptions, KafkaSettings};
use daybook_relay::rewind::{RewindTo, rewind};

use super::book::{PARTITIONS, p};
use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_in_the_topic_record_by_record() {
    let stage = Stage::published_stage(300).await;
    for partition in Partition::all(PARTITIONS) {
        let events = stage.book.events(partition).await;
        let records = stage.records(partition).await;
        let read = |record| Published::read(record).expect("a record of the relay").recorded;
        assert_eq!(records.iter().map(read).collect::<Vec<_>>(), events);
        let last = stage.cursor(partition).await;
        assert_eq!(last.offset, Some(records.len() as u64 - 1));
    }
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.records, report.repeats), (stage.book.count().await, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_created_with_its_settings_and_found_usable() {
    let stage = Stage::published_stage(10).await;
    let facts = stage.broker.topic().await.expect("an answer").expect("a topic");
    assert_eq!(facts.partitions, usize::from(PARTITIONS));
    let policy = facts.policy.expect("its settings can be read");
    assert_eq!(policy.retention, Some(stage.settings.topic.retention));
    assert!(!policy.is_compacted);
    let unclean = stage.topic_config("unclean.leader.election.enable").await;
    assert_eq!(unclean.as_deref(), Some("false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_other_partitions_is_refused() {
    let mut stage = Stage::new().await;
    let settings = stage.settings.topic;
    stage.broker.create_topic(PARTITIONS - 1, &settings).await.expect("it is created");
    stage.book.grow(5).await;
    let running = stage.start();
    let health = running.is(|health| health.breaker == Open).await;
    let cause = health.cause.expect("a cause");
    assert!(cause.contains("3 partitions and the ledger 4"), "{cause}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_is_refused() {
    let mut stage = Stage::new().await;
    let settings = stage.settings.topic;
    stage.broker.create_topic(PARTITIONS, &settings).await.expect("it is created");
    stage.set_topic_config("cleanup.policy", "compact").await;
    stage.book.grow(5).await;
    let running = stage.start();
    let health = running.is(|health| health.breaker == Open).await;
    assert!(health.cause.expect("a cause").contains("compacted"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_under_way_is_created_anew_and_goes_on_from_the_cursor() {
    let mut stage = Stage::new().await;
    stage.book.grow(100).await;
    let running = stage.start();
    stage.published().await;
    let before = stage.cursor(p(1)).await.published.position;
    stage.delete_topic().await;
    stage.book.grow(100).await;
    stage.published().await;
    let health = running.is(|health| health.begun_after.contains_key(&p(1))).await;
    assert_eq!(health.begun_after[&p(1)], before);
    running.is(|health| health.breaker == Closed).await;
    running.stop().await;
    assert_eq!(stage.differences().await, [""; 0]);
    let first = Published::read(&stage.records(p(1)).await[0]).expect("a record of the relay");
    assert_eq!(first.recorded.position, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewound_topic_holds_the_ledger_twice_and_is_clean() {
    let stage = Stage::published_stage(50).await;
    let to: RewindTo = "0".parse().expect("a target");
    rewind(&*stage.book.ledger, &*stage.cursors, &stage.topic, to).await.expect("it goes back");
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.repeats, stage.book.count().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_librdkafka_does_not_know_is_refused_at_once() {
    let settings = |options: &str| KafkaSettings {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "t".parse().expect("a name"),
        options: options.parse().expect("pairs"),
    };
    assert!(KafkaBroker::new(settings("")).is_ok());
    for options in ["no.such.option=1", "security.protocol=telepathy", "linger.ms=soon"] {
        let refused = KafkaBroker::new(settings(options));
        assert!(matches!(refused, Err(BrokerError::Refused(_))), "{options}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_is_unreachable() {
    let settings = KafkaSettings {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "t".parse().expect("a name"),
        options: KafkaOptions::default(),
    };
    let broker = KafkaBroker::new(settings).expect("usable settings");
    let asked = broker.topic().await;
    assert!(matches!(asked, Err(BrokerError::Unreachable(_))), "{asked:?}");
}
