//! Golden values, computed by another program (the Python of `docs/seals.md`): a public contract.

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{LedgerId, Partition};
use daybook_engine::ledger::Recorded;
use daybook_engine::seal::{Chain, ExportedSeal, Seal};

const LEDGER: &str = "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct Row {
    payment: &'static str,
    version: u32,
    event: &'static str,
    recorded_ms: i64,
    event_type: &'static str,
    data: &'static str,
    traceparent: Option<&'static str>,
    hash: &'static str,
}

const GOLDEN: [Row; 3] = [
    Row {
        payment: "9400478d-ee7f-8603-8867-95ef929d28b4",
        version: 1,
        event: "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a01",
        recorded_ms: 1_795_420_800_042,
        event_type: "payment.authorization_requested",
        data: r#"{"v":1,"amount":1000}"#,
        traceparent: None,
        hash: "1c198ac209324614ab86f1677fd558b2d6b4c48e9070886518e0abad5c09f0a3",
    },
    Row {
        payment: "9400478d-ee7f-8603-8867-95ef929d28b4",
        version: 2,
        event: "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a02",
        recorded_ms: 1_795_420_800_043,
        event_type: "payment.authorized",
        data: r#"{"v":1,"message":"Accepté 💳"}"#,
        traceparent: Some(TRACE),
        hash: "a25ce15a81807551f70556ec33cf52d2b4cd83f855798d62a42cd03489a54839",
    },
    Row {
        payment: "7e745bb7-bc1b-8a3d-ac2e-293e110c5d89",
        version: 1,
        event: "ffffffff-ffff-7fff-bfff-ffffffffffff",
        recorded_ms: 0,
        event_type: "payment.authorization_requested",
        data: "{}",
        traceparent: None,
        hash: "68aaf5c8819b875b92eb908a207ab6a8165aea9756c2658ef0a206c5ef792238",
    },
];

fn recorded(position: u64, row: &Row) -> Recorded {
    Recorded {
        partition: Partition::new(5),
        position,
        payment_id: row.payment.parse().unwrap(),
        version: row.version,
        event_id: row.event.parse().unwrap(),
        event_type: row.event_type.into(),
        data: row.data.into(),
        traceparent: row.traceparent.map(Into::into),
        recorded_at: Timestamp::from_millis(row.recorded_ms),
    }
}

#[test]
fn the_chain_is_as_it_was_published() {
    let ledger: LedgerId = LEDGER.parse().unwrap();
    let mut chain = Chain::begin(ledger, Partition::new(5));
    let begun = "86b1704604c73fb5c609962c43a67e6012a504acd891f075eff8e70b8ce629ba";
    assert_eq!((chain.position(), chain.hash().to_string()), (0, begun.to_owned()));
    for (position, row) in (1..).zip(&GOLDEN) {
        chain.add(&recorded(position, row));
        assert_eq!((chain.position(), chain.hash().to_string()), (position, row.hash.to_owned()));
    }
    let last = Chain::begin(ledger, Partition::new(1023)).hash().to_string();
    assert_eq!(last, "57528abcc48670cb5181e6e1c812fbe45fc359f5ccc0590e3b06f27b4211a83b");
}

#[test]
fn every_field_of_an_event_changes_the_chain() {
    let start = Chain::begin(LEDGER.parse().unwrap(), Partition::new(5));
    let hash = |event: &Recorded| {
        let mut chain = start.clone();
        chain.add(event);
        chain.hash()
    };
    let event = recorded(1, &GOLDEN[1]);
    let changed: [fn(&mut Recorded); 8] = [
        |event| event.position = 2,
        |event| event.payment_id = GOLDEN[2].payment.parse().unwrap(),
        |event| event.version = 3,
        |event| event.event_id = GOLDEN[0].event.parse().unwrap(),
        |event| event.recorded_at = event.recorded_at.plus_millis(1),
        |event| event.event_type = "payment.authorizee".into(),
        |event| event.data = format!("{} ", event.data).into(),
        |event| event.traceparent = None,
    ];
    for (number, change) in changed.iter().enumerate() {
        let mut other = event.clone();
        change(&mut other);
        assert_ne!(hash(&other), hash(&event), "change {number}");
    }
    // Lengths stand before texts, so that nothing moves from one field into the next.
    let (mut one, mut other) = (event.clone(), event);
    (one.event_type, one.data) = ("ab".into(), "c".into());
    (other.event_type, other.data) = ("a".into(), "bc".into());
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn a_seal_is_exported_as_one_line() {
    let seal = Seal {
        partition: Partition::new(5),
        number: 2,
        position: 3,
        hash: GOLDEN[2].hash.parse().unwrap(),
        incarnation: 1,
        sealed_at: Timestamp::from_millis(1_795_420_800_042),
    };
    let exported = ExportedSeal::new(LEDGER.parse().unwrap(), &seal);
    let line = concat!(
        r#"{"ledgerId":"0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b","incarnation":1,"partition":5,"number":2,"#,
        r#""position":3,"hash":"68aaf5c8819b875b92eb908a207ab6a8165aea9756c2658ef0a206c5ef792238","#,
        r#""sealedAt":"2026-11-23T08:00:00.042Z"}"#
    );
    assert_eq!(exported.line(), line);
    assert_eq!(ExportedSeal::read(line).unwrap(), exported);
    assert_eq!(exported.seal(), seal);
    for wrong in ["", "{}", &line.replace("68aa", "68AA"), &line.replace(":5,", ":-5,")] {
        assert!(ExportedSeal::read(wrong).is_err(), "{wrong}");
    }
}
