//! Whatever happens to a payment, its events are valid.

use std::collections::BTreeMap;

use daybook_engine::payment::{EventType, encode};
use jsonschema::Validator;
use proptest::prelude::*;

use crate::book::{causes, name_of, validator};
use crate::scenario::scenario;

#[test]
fn every_event_of_a_random_history_is_valid() {
    let validators: BTreeMap<EventType, Validator> =
        EventType::ALL.iter().map(|known| (*known, validator(&name_of(*known)))).collect();
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() };
    proptest!(config, |(life in scenario())| {
        for event in life.play().events {
            let data = encode(&event);
            let value = serde_json::from_str(&data).unwrap();
            let causes = causes(&validators[&event.event_type()], &value);
            prop_assert!(causes.is_empty(), "{data}: {causes:#?}");
        }
    });
}
