//! Events on the wire and back.

use daybook_engine::broker::memory::in_topic;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Incarnations, LedgerIdentity};
use daybook_engine::record::{ENVELOPE_BYTES_MAX, Malformed, Published, RecordWriter, TopicRecord};

use super::stage::{Book, PARTITIONS, identity, p};

async fn some_records() -> Vec<(daybook_engine::ledger::Recorded, TopicRecord)> {
    let mut book = Book::new();
    book.grow(200).await;
    let mut writer = RecordWriter::new(&identity(), &Incarnations::default());
    let mut records = Vec::new();
    for partition in Partition::all(PARTITIONS) {
        for event in book.events(partition).await {
            let record = in_topic(&writer.write(&event));
            records.push((event, record));
        }
    }
    records
}

#[tokio::test]
async fn every_event_comes_back_from_its_record() {
    for (event, record) in some_records().await {
        let read = Published::read(&record).expect("a record of the relay");
        assert_eq!(read.recorded, event);
        assert_eq!((read.ledger_id, read.incarnation), (identity().id, 1));
        assert_eq!(read.check(&identity()), Ok(()));
    }
}

#[tokio::test]
async fn a_record_is_a_cloud_event_and_carries_what_the_ledger_knows() {
    let mut book = Book::new();
    book.grow(50).await;
    let events = book.events(p(1)).await;
    let event = events.iter().find(|event| event.traceparent.is_some()).expect("a traced one");
    let mut writer = RecordWriter::new(&identity(), &Incarnations::default());
    let record = writer.write(event);
    assert_eq!((record.partition, record.key), (p(1), &*event.payment_id.to_string()));
    assert_eq!(record.value, &*event.data);
    let headers: Vec<_> = record.headers().map(|(name, value)| (name, value.to_owned())).collect();
    let expected = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", event.event_id.to_string()),
        ("ce_source", "/daybook/0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a00".to_owned()),
        ("ce_type", event.event_type.to_string()),
        ("ce_time", event.recorded_at.to_string()),
        ("content-type", "application/json".to_owned()),
        ("daybook_position", event.position.to_string()),
        ("daybook_version", event.version.to_string()),
        ("daybook_incarnation", "1".to_owned()),
        ("traceparent", event.traceparent.as_deref().expect("traced").to_owned()),
    ];
    assert_eq!(headers, expected);
    assert!(record.bytes() - record.value.len() < ENVELOPE_BYTES_MAX / 4);
}

fn validator(name: &str) -> jsonschema::Validator {
    let path = format!("{}/../schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let schema = serde_json::from_str(&schema).expect("a schema is JSON");
    jsonschema::draft202012::new(&schema).expect("it is a schema")
}

fn assert_valid(validator: &jsonschema::Validator, value: &serde_json::Value) {
    let errors = validator.iter_errors(value);
    let causes: Vec<_> = errors.map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(causes, Vec::<String>::new(), "{value}");
}

#[tokio::test]
async fn every_record_is_as_its_published_schemas_say() {
    let of_headers = validator("record-headers.v1");
    for (event, record) in some_records().await {
        let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap()).unwrap();
        let headers = record.headers.into_iter().map(|(name, value)| (name, text(value).into()));
        assert_valid(&of_headers, &serde_json::Value::Object(headers.collect()));
        let value: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        assert_valid(&validator(&format!("{}.v{}", event.event_type, value["v"])), &value);
    }
}

#[tokio::test]
async fn a_record_without_one_of_its_headers_is_malformed() {
    let (event, record) = some_records().await.swap_remove(0);
    for index in 0..record.headers.len() {
        let name = record.headers[index].0.clone();
        if name == "traceparent" {
            continue;
        }
        let mut without = record.clone();
        without.headers.remove(index);
        assert!(Published::read(&without).is_err(), "without {name}");
        let mut twice = record.clone();
        twice.headers.push(record.headers[index].clone());
        assert!(matches!(Published::read(&twice), Err(Malformed::Repeated(_))), "{name} twice");
        let mut wrong = record.clone();
        wrong.headers[index].1 = Some(vec![0xff]);
        assert!(Published::read(&wrong).is_err(), "{name} is no text");
    }
    let untraced = TopicRecord {
        headers: record.headers.iter().filter(|(name, _)| name != "traceparent").cloned().collect(),
        ..record
    };
    let read = Published::read(&untraced).expect("traces are optional");
    assert_eq!(read.recorded.event_id, event.event_id);
}

#[tokio::test]
async fn a_record_without_key_or_value_or_with_a_wrong_number_is_malformed() {
    let (_, record) = some_records().await.swap_remove(0);
    let no_key = TopicRecord { key: None, ..record.clone() };
    assert_eq!(Published::read(&no_key), Err(Malformed::NoKey));
    let tombstone = TopicRecord { value: None, ..record.clone() };
    assert_eq!(Published::read(&tombstone), Err(Malformed::NoValue));
    for wrong in ["0", "-1", "+1", "01", "1.0", "", "x", "99999999999999999999999"] {
        let mut changed = record.clone();
        for (name, value) in &mut changed.headers {
            if name == "daybook_position" {
                *value = Some(wrong.as_bytes().to_vec());
            }
        }
        let read = Published::read(&changed);
        assert!(matches!(read, Err(Malformed::Wrong { .. })), "{wrong:?}: {read:?}");
    }
}

#[tokio::test]
async fn a_record_of_another_ledger_incarnation_or_partition_is_not_ours() {
    let (_, record) = some_records().await.swap_remove(0);
    let read = Published::read(&record).expect("a record of the relay");
    let other = LedgerIdentity {
        id: "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a01".parse().unwrap(),
        ..identity()
    };
    assert_eq!(read.check(&other), Err(Malformed::OfAnotherLedger(identity().id)));
    let mut later = read.clone();
    later.incarnation = 2;
    assert!(later.check(&identity()).is_err());
    let mut elsewhere = read;
    elsewhere.recorded.partition = p(3);
    let home = elsewhere.recorded.payment_id.partition(PARTITIONS);
    assert_eq!(elsewhere.check(&identity()), Err(Malformed::OfAnotherPartition(home)));
}
