//! Golden files of the events: one file a type and version under `golden/events` (the first version
//! has no number in its name), one event a line, byte for byte what the ledger stores. A file never
//! changes (`golden_manifest`): a new schema version is a new file, and the old one is read for ever.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "golden/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use daybook_engine::payment::{
    DecodeError, Event, EventType, RESERVED_EVENT_TYPES, decode, encode, is_canonical,
};
use serde_json::{Value, json};

fn path(event_type: EventType) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events");
    match event_type.schema_version() {
        1 => folder.join(format!("{}.json", event_type.as_str())),
        version => folder.join(format!("{}.v{version}.json", event_type.as_str())),
    }
}

fn lines(event_type: EventType) -> Vec<String> {
    let text = std::fs::read_to_string(path(event_type)).unwrap_or_else(|error| {
        panic!(
            "{event_type:?} has no golden file ({error}): add a sample and run `cargo test -p \
             daybook-engine --test golden_events -- --ignored write_missing_golden_files`"
        )
    });
    assert!(text.ends_with('\n'), "{event_type:?}: the file ends with a newline");
    text.lines().map(str::to_owned).collect()
}

fn all_samples() -> impl Iterator<Item = (EventType, Event)> {
    let types = EventType::ALL.iter().copied();
    types.flat_map(|event_type| samples::of(event_type).into_iter().map(move |e| (event_type, e)))
}

#[test]
fn every_event_is_encoded_as_its_golden_file_says() {
    for event_type in EventType::ALL.iter().copied() {
        let encoded: Vec<_> = samples::of(event_type).iter().map(encode).collect();
        assert!(!encoded.is_empty(), "{event_type:?} has no sample");
        assert_eq!(encoded, lines(event_type), "{event_type:?}");
    }
}

#[test]
fn every_golden_file_decodes_to_its_events() {
    for event_type in EventType::ALL.iter().copied() {
        let decoded: Vec<_> = lines(event_type)
            .iter()
            .map(|line| decode(event_type.as_str(), line).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect();
        assert_eq!(decoded, samples::of(event_type), "{event_type:?}");
    }
}

/// Those of versions before today's among them.
#[test]
fn every_line_of_every_golden_file_can_be_read_and_is_canonical() {
    let folder = path(EventType::Voided).parent().unwrap().to_owned();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        let event_type: String = name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let event = decode(&event_type, line).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(is_canonical(&event, line), "{name}: {line}");
        }
    }
}

/// Run on purpose, after a new event type (with its sample) was added; never overwrites a file.
#[test]
#[ignore = "writes the golden files that are missing"]
fn write_missing_golden_files() {
    for event_type in EventType::ALL.iter().copied() {
        let samples = samples::of(event_type);
        assert!(samples.iter().all(|event| event.event_type() == event_type), "{event_type:?}");
        if !path(event_type).exists() {
            let text: String = samples.iter().map(|event| encode(event) + "\n").collect();
            std::fs::write(path(event_type), text).unwrap();
        }
    }
}

#[test]
fn every_event_begins_with_the_five_fields_that_all_events_carry() {
    for (event_type, event) in all_samples() {
        let operation_id = match event.header.operation_id {
            Some(id) => format!("\"{id}\""),
            None => "null".to_owned(),
        };
        let start = format!(
            r#"{{"v":{},"at":"{}","merchantId":{},"currency":"{}","operationId":{operation_id},"#,
            event_type.schema_version(),
            event.header.at,
            json!(event.header.merchant_id.as_str()),
            event.header.currency,
        );
        let data = encode(&event);
        assert!(data.starts_with(&start), "{event_type:?}\n {data}\nstarts not with\n {start}");
    }
}

#[test]
fn every_nullable_field_has_a_golden_line_with_null_and_one_without() {
    for event_type in EventType::ALL.iter().copied() {
        let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
        for event in samples::of(event_type) {
            let data: Value = serde_json::from_str(&encode(&event)).unwrap();
            for pointer in pointers(&data) {
                let value = data.pointer(&pointer).unwrap();
                if nullable(event_type, &data, &pointer) {
                    seen.entry(pointer).or_default().insert(value.is_null());
                }
            }
        }
        // Whether there is an operation is a matter of the type, not of the single event.
        seen.remove("/operationId");
        for (pointer, found) in seen {
            assert_eq!(found.len(), 2, "{event_type:?} {pointer} is null or filled in all samples");
        }
    }
}

fn nullable(event_type: EventType, data: &Value, pointer: &str) -> bool {
    let mut changed = data.clone();
    *changed.pointer_mut(pointer).unwrap() = Value::Null;
    decode(event_type.as_str(), &changed.to_string()).is_ok()
}

/// The JSON pointer of every field, nested ones included.
fn pointers(value: &Value) -> Vec<String> {
    let fields: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, v)| (name.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    let with_nested = fields.into_iter().flat_map(|(name, value)| {
        let nested = pointers(value).into_iter().map(|rest| format!("/{name}{rest}"));
        std::iter::once(format!("/{name}")).chain(nested).collect::<Vec<_>>()
    });
    with_nested.collect()
}

fn assert_damaged(event_type: EventType, data: &str, why: &str) {
    match decode(event_type.as_str(), data) {
        Err(DecodeError::Damaged { event_type: named, cause }) => {
            assert_eq!(named, event_type.as_str());
            assert!(!cause.is_empty());
        }
        other => panic!("{event_type:?} with {why} came to {other:?}\n{data}"),
    }
}

/// The object that holds the field, and the field's name.
fn holder<'a>(data: &'a mut Value, pointer: &str) -> Option<(&'a mut Value, String)> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let holder = data.pointer_mut(parent)?;
    holder.is_object().then(|| (holder, name.to_owned()))
}

#[test]
fn an_event_without_one_of_its_fields_is_damaged_even_where_the_field_may_be_null() {
    for (event_type, event) in all_samples() {
        let data: Value = serde_json::from_str(&encode(&event)).unwrap();
        for pointer in pointers(&data) {
            let mut without = data.clone();
            if let Some((holder, name)) = holder(&mut without, &pointer) {
                holder.as_object_mut().unwrap().remove(&name);
                assert_damaged(event_type, &without.to_string(), &format!("no {pointer}"));
            }
        }
    }
}

#[test]
fn an_event_with_a_field_that_its_version_does_not_have_is_damaged() {
    for (event_type, event) in all_samples() {
        let data: Value = serde_json::from_str(&encode(&event)).unwrap();
        for pointer in pointers(&data) {
            let mut with = data.clone();
            if let Some((holder, _)) = holder(&mut with, &pointer) {
                holder.as_object_mut().unwrap().insert("surprise".to_owned(), json!(1));
                assert_damaged(event_type, &with.to_string(), &format!("more beside {pointer}"));
            }
        }
    }
}

#[test]
fn an_event_with_a_field_twice_is_damaged() {
    for (event_type, event) in all_samples() {
        let twice = encode(&event).replacen(r#""currency":"#, r#""currency":"EUR","currency":"#, 1);
        assert_damaged(event_type, &twice, "currency twice");
    }
}

#[test]
fn an_event_with_a_value_of_another_kind_is_damaged() {
    for (event_type, event) in all_samples() {
        let data: Value = serde_json::from_str(&encode(&event)).unwrap();
        for pointer in pointers(&data).into_iter().filter(|pointer| pointer != "/v") {
            for wrong in [json!(1.5), json!(-1), json!({"a": 1}), json!("\u{0}")] {
                let mut changed = data.clone();
                *changed.pointer_mut(&pointer).unwrap() = wrong.clone();
                // Texts of the acquirer may be any string.
                if wrong.is_string() && decode(event_type.as_str(), &changed.to_string()).is_ok() {
                    assert!(data.pointer(&pointer).is_none_or(|v| v.is_string() || v.is_null()));
                    continue;
                }
                assert_damaged(event_type, &changed.to_string(), &format!("{wrong} at {pointer}"));
            }
        }
    }
}

#[test]
fn broken_json_is_damaged() {
    for (event_type, event) in all_samples() {
        let data = encode(&event);
        let broken =
            ["", "null", "[]", "1", "{}", &data[..data.len() - 1], &format!("{data}{data}")]
                .map(str::to_owned);
        for text in broken {
            assert_damaged(event_type, &text, "broken JSON");
        }
    }
}

#[test]
fn a_later_schema_version_is_unknown_and_says_upgrade() {
    for (event_type, event) in all_samples() {
        // Tests have a made-up version 0 of one type.
        let made_up = event_type == EventType::AuthorizationRequested;
        for version in [0, 2, 70_000].into_iter().filter(|version| *version > 0 || !made_up) {
            let later = encode(&event).replacen(r#"{"v":1,"#, &format!(r#"{{"v":{version},"#), 1);
            let error = decode(event_type.as_str(), &later).unwrap_err();
            let expected =
                DecodeError::Unknown { event_type: event_type.as_str().to_owned(), version };
            assert_eq!(error, expected);
            assert!(error.to_string().contains("upgrade"), "{error}");
        }
    }
}

#[test]
fn a_later_schema_version_with_other_fields_is_unknown_and_not_damaged() {
    for event_type in EventType::ALL.iter().copied() {
        let expected =
            DecodeError::Unknown { event_type: event_type.as_str().to_owned(), version: 2 };
        let data = r#"{"of":"a later build","v":2}"#;
        assert_eq!(decode(event_type.as_str(), data), Err(expected));
    }
}

#[test]
fn reserved_and_unheard_of_types_are_unknown() {
    let unheard = ["payment.teleported", "", "payment.CAPTURED", "captured"];
    for name in RESERVED_EVENT_TYPES.into_iter().chain(unheard) {
        assert_eq!(EventType::parse(name), None, "{name}");
        for (data, version) in [(r#"{"v":1}"#, 1), (r#"{"v":3,"x":[]}"#, 3), ("{damaged", 0)] {
            let expected = DecodeError::Unknown { event_type: name.to_owned(), version };
            assert_eq!(decode(name, data), Err(expected), "{name} {data}");
        }
    }
}

#[test]
fn data_that_is_spelled_otherwise_decodes_but_is_not_canonical() {
    for (event_type, event) in all_samples() {
        let data = encode(&event);
        let spaced = data.replacen(',', ", ", 1);
        assert_eq!(decode(event_type.as_str(), &spaced).as_ref(), Ok(&event));
        assert!(is_canonical(&event, &data));
        assert!(!is_canonical(&event, &spaced));
    }
}

#[test]
fn the_types_are_those_of_the_contract() {
    let names: Vec<_> = EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
    let contract = [
        "payment.authorization_requested",
        "payment.authorized",
        "payment.declined",
        "payment.capture_requested",
        "payment.captured",
        "payment.capture_failed",
        "payment.void_requested",
        "payment.voided",
        "payment.void_failed",
        "payment.refund_requested",
        "payment.refunded",
        "payment.refund_failed",
        "payment.expired",
        "payment.operation_unknown",
        "payment.late_outcome",
        "payment.reversal_requested",
        "payment.reversed",
    ];
    assert_eq!(names, contract);
    for event_type in EventType::ALL {
        assert_eq!(EventType::parse(event_type.as_str()), Some(*event_type));
        assert_eq!(event_type.schema_version(), 1, "{event_type:?}");
    }
}
