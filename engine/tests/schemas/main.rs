//! The published schemas and the code that writes events say the same.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod book;
mod headers;
mod histories;
#[path = "../golden/samples.rs"]
mod samples;
#[path = "../payment_properties/scenario.rs"]
#[expect(dead_code, reason = "only the events of a scenario are looked at here")]
mod scenario;

/// What scenarios take from their model.
mod model {
    pub(crate) const EXPIRES_AFTER_MS: i64 = 1_000_000;
}

use std::collections::BTreeSet;

use daybook_engine::payment::{EventType, encode};
use serde_json::{Value, json};

use crate::book::{causes, file_names, name_of, schema, validator};

/// Every golden event, with its schema's name.
fn golden() -> Vec<(String, Value)> {
    let types = EventType::ALL.iter().copied();
    let of = |event_type| samples::of(event_type).into_iter().map(move |event| (event_type, event));
    let read = |event| serde_json::from_str(&encode(&event)).unwrap();
    types.flat_map(of).map(|(event_type, event)| (name_of(event_type), read(event))).collect()
}

#[test]
fn every_golden_event_is_valid() {
    for (name, event) in golden() {
        assert_eq!(causes(&validator(&name), &event), Vec::<String>::new(), "{name}: {event}");
    }
}

#[test]
fn every_type_has_a_schema_and_none_is_left_over() {
    let mut wanted: BTreeSet<_> = EventType::ALL.iter().copied().map(name_of).collect();
    wanted.insert(headers::NAME.to_owned());
    assert_eq!(file_names(), wanted);
}

#[test]
fn a_schema_says_which_type_and_version_it_is_for() {
    for event_type in EventType::ALL.iter().copied() {
        let (schema, version) = (schema(&name_of(event_type)), event_type.schema_version());
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["title"], event_type.as_str());
        let id = format!("urn:daybook:schema:{}:v{version}", event_type.as_str());
        assert_eq!(schema["$id"], id);
        assert_eq!(schema["properties"]["v"]["const"], version);
    }
}

#[test]
fn a_missing_renamed_or_added_field_is_refused() {
    for (name, event) in golden() {
        let validator = validator(&name);
        for path in objects_in(&event) {
            let fields: Vec<_> =
                event.pointer(&path).unwrap().as_object().unwrap().keys().cloned().collect();
            for field in &fields {
                let (mut without, mut renamed) = (event.clone(), event.clone());
                without.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(field);
                let object = renamed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
                let value = object.remove(field).unwrap();
                object.insert(format!("{field}X"), value);
                assert!(!validator.is_valid(&without), "{name}: {without}");
                assert!(!validator.is_valid(&renamed), "{name}: {renamed}");
            }
            let mut with_more = event.clone();
            with_more.pointer_mut(&path).unwrap()["more"] = json!(1);
            assert!(!validator.is_valid(&with_more), "{name}: {with_more}");
        }
    }
}

#[test]
fn a_value_of_another_kind_or_beyond_its_bounds_is_refused() {
    for (name, event) in golden() {
        let validator = validator(&name);
        for field in event.as_object().unwrap().keys() {
            for wrong in [json!(-1), json!(1.5), json!({}), json!([1]), json!("\u{1}")] {
                // The acquirer's words and codes may be any text.
                let is_free = ["cause", "declineCode", "paymentMethodToken"].contains(&&**field);
                let mut changed = event.clone();
                changed[field] = wrong.clone();
                let is_refused = !validator.is_valid(&changed);
                assert!(is_refused || (is_free && wrong.is_string()), "{name}: {changed}");
            }
        }
    }
}

#[test]
fn every_field_is_described_and_every_amount_has_its_unit() {
    for name in file_names() {
        described(&name, &schema(&name));
    }
}

fn described(at: &str, schema: &Value) {
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], json!(false), "{at}");
        for (field, property) in properties {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{at}.{field}: {description:?}");
            let has_unit = description.contains("minor units");
            assert_eq!(has_unit, ["amount", "fee"].contains(&&**field), "{at}.{field}");
        }
    }
    let below = schema.as_object().into_iter().flatten();
    below.for_each(|(name, value)| described(&format!("{at}.{name}"), value));
}

/// Pointers to the value and every object below it.
fn objects_in(value: &Value) -> Vec<String> {
    let within = |(at, below): (String, &Value)| {
        objects_in(below).into_iter().map(move |rest| format!("/{at}{rest}")).collect::<Vec<_>>()
    };
    match value {
        Value::Object(fields) => {
            let below = fields.iter().map(|(name, value)| (name.clone(), value));
            std::iter::once(String::new()).chain(below.flat_map(within)).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (at.to_string(), item))
            .flat_map(within)
            .collect(),
        _ => Vec::new(),
    }
}
