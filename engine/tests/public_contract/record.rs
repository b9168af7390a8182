//! A record of the topic: its key, its headers in their order, its value.

use std::fmt::Write;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::{IncarnationStart, Incarnations, LedgerIdentity, Recorded};
use daybook_engine::payment::{EventType, encode};
use daybook_engine::record::RecordWriter;
use uuid::Uuid;

use crate::file::{assert_golden, write_missing};
use crate::samples;

const NAME: &str = "record.v1.txt";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn recorded(event_type: EventType, traceparent: Option<&str>) -> Recorded {
    let event = samples::of(event_type).remove(0);
    Recorded {
        partition: Partition::new(3),
        position: 42,
        payment_id: PaymentId::from_uuid(Uuid::from_u128(0x7f6d_8f0e_5a52_8c1e)),
        version: 4,
        event_id: "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a01".parse().unwrap(),
        event_type: event_type.as_str().into(),
        data: encode(&event).into(),
        traceparent: traceparent.map(Into::into),
        recorded_at: event.header.at,
    }
}

/// Of the ledger's first incarnation without a trace, and of its second with one.
fn records() -> String {
    let partition = Partition::new(3);
    let second = IncarnationStart { incarnation: 2, partition, begun_after: 40 };
    let mut text = String::new();
    for (incarnation, trace) in [(1, None), (2, Some(TRACE))] {
        let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7".parse().unwrap();
        let identity = LedgerIdentity { id, incarnation, partitions: 16 };
        let mut writer = RecordWriter::new(&identity, &Incarnations::new(vec![second]));
        let recorded = recorded(EventType::Captured, trace);
        let record = writer.write(&recorded);
        writeln!(text, "key: {}", record.key).unwrap();
        for (name, value) in record.headers() {
            writeln!(text, "{name}: {value}").unwrap();
        }
        writeln!(text, "\n{}\n", record.value).unwrap();
    }
    text
}

#[test]
fn a_record_has_the_golden_files_key_headers_and_value() {
    assert_golden(NAME, &records());
}

#[test]
#[ignore = "writes the golden files that are missing"]
fn write_missing_golden_files() {
    write_missing(NAME, &records());
}
