//! The headers of a record in Kafka, as one object of texts.

use daybook_engine::payment::EventType;
use serde_json::{Value, json};

use crate::book::{causes, schema, validator};

pub(crate) const NAME: &str = "record-headers.v1";

fn headers() -> Value {
    json!({
        "ce_specversion": "1.0",
        "ce_id": "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a02",
        "ce_source": "/daybook/7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "ce_type": "payment.captured",
        "ce_time": "2026-11-23T09:15:00.042Z",
        "content-type": "application/json",
        "daybook_position": "9223372036854775807",
        "daybook_version": "4",
        "daybook_incarnation": "2",
        "daybook_begun_after": "9223372036854775807",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    })
}

#[test]
fn the_headers_of_a_record_are_valid_with_and_without_a_trace() {
    let (validator, mut headers) = (validator(NAME), headers());
    assert_eq!(causes(&validator, &headers), Vec::<String>::new());
    headers.as_object_mut().unwrap().remove("traceparent");
    assert_eq!(causes(&validator, &headers), Vec::<String>::new());
    headers["daybook_begun_after"] = json!("0");
    assert_eq!(causes(&validator, &headers), Vec::<String>::new());
    headers.as_object_mut().unwrap().remove("daybook_begun_after");
    assert_eq!(causes(&validator, &headers), Vec::<String>::new());
}

#[test]
fn a_header_that_is_missing_added_or_wrong_is_refused() {
    let validator = validator(NAME);
    for name in headers().as_object().unwrap().keys() {
        let (mut without, mut wrong) = (headers(), headers());
        without.as_object_mut().unwrap().remove(name);
        let is_optional = ["traceparent", "daybook_begun_after"].contains(&name.as_str());
        assert!(is_optional || !validator.is_valid(&without), "without {name}");
        for bad in [json!("0"), json!(""), json!(1), json!("01"), json!(null)] {
            if name == "daybook_begun_after" && bad == "0" {
                continue;
            }
            wrong[name] = bad;
            assert!(!validator.is_valid(&wrong), "{wrong}");
        }
    }
    let mut more = headers();
    more["ce_subject"] = json!("x");
    assert!(!validator.is_valid(&more));
}

#[test]
fn the_headers_name_every_event_type() {
    let known: Vec<_> = EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
    assert_eq!(schema(NAME)["properties"]["ce_type"]["enum"], json!(known));
}
