//! librdkafka's own mock of a cluster, which answers with the errors it is told to.

use daybook_engine::broker::Broker;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::book::PARTITIONS;
use super::stage::Stage;

/// The mock may not leave its thread, so the relay's runtime stands on another.
#[test]
fn a_fatal_error_rebuilds_the_producer_and_loses_nothing() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    let stage = Stage::on(cluster.bootstrap_servers());
    cluster.create_topic(stage.topic.as_str(), i32::from(PARTITIONS), 1).expect("a topic");
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
    );
    let relaying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(publish(stage));
    });
    relaying.join().expect("everything is published");
}

async fn publish(mut stage: Stage) {
    stage.book.grow(300).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    assert!(stage.broker.topic().await.expect("an answer").is_some());
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
}
