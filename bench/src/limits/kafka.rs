//! How many records a second librdkafka gets acknowledged when nothing else is done: keys and values
//! of the size of Daybook's events, with the same guarantees, and no headers.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use crate::failure::Failure;
use crate::kafka::{Brokers, Topic, failed};
use crate::report::{Report, Section};

const PARTITIONS: i32 = 16;
/// Bytes of an event's `data`, on average.
const VALUE_LEN: usize = 362;
const SETTINGS: &[(&str, &str)] = &[
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("message.timeout.ms", "0"),
    ("linger.ms", "5"),
    ("compression.type", "lz4"),
    ("batch.size", "262144"),
    ("queue.buffering.max.messages", "50000"),
];
const FLUSH_WITHIN: Duration = Duration::from_secs(120);
/// A full queue is tried again after so long.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) async fn run(records: u64) -> Result<(), Failure> {
    let mut section = Section::new("kafka");
    section.number("recordsPerSecond", measure(&Brokers::up()?, records).await?);
    let mut report = Report::new("limit kafka");
    report.add(section);
    report.print()
}

/// Records a second, of so many in all, from the first to the last one's acknowledgement.
pub(crate) async fn measure(brokers: &Brokers, records: u64) -> Result<f64, Failure> {
    let topic = brokers.topic();
    topic.create(PARTITIONS).await?;
    let produced = tokio::task::spawn_blocking(move || produce(&topic, records));
    let elapsed = produced.await.map_err(|_| Failure::Interrupted)??;
    Ok(records as f64 / elapsed.as_secs_f64())
}

fn produce(topic: &Topic, records: u64) -> Result<Duration, Failure> {
    let mut config = topic.client();
    for (name, value) in SETTINGS {
        config.set(*name, *value);
    }
    let producer: ThreadedProducer<DefaultProducerContext> =
        config.create().map_err(|error| failed("opening a producer", &error))?;
    // Not the same bytes for each record: compression would make the limit too high.
    let text: String =
        (0..VALUE_LEN * 64).map(|at| char::from(b' ' + (at * at % 95) as u8)).collect();
    let start = Instant::now();
    for number in 0..records {
        let key = format!("{number:036}");
        let from = (number as usize * 31) % (text.len() - VALUE_LEN);
        let value = &text[from..from + VALUE_LEN];
        let partition = (number % PARTITIONS as u64) as i32;
        loop {
            let record = BaseRecord::to(&topic.name).partition(partition).key(&key).payload(value);
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(PAUSE);
                }
                Err((error, _)) => return Err(failed("producing", &error)),
            }
        }
    }
    producer.flush(FLUSH_WITHIN).map_err(|error| failed("producing", &error))?;
    Ok(start.elapsed())
}
