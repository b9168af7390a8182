//! Events of an older schema version, made up for tests: they read as today's, as strictly.

use daybook_engine::payment::made_up::as_version_0;
use daybook_engine::payment::{
    CaptureMethod, DecodeError, Event, EventBody, EventType, Payment, decode, encode, is_canonical,
};
use serde_json::Value;

use crate::samples;

const TYPE: &str = "payment.authorization_requested";

/// The manual authorization among the samples.
fn today() -> Event {
    let mut events = samples::of(EventType::AuthorizationRequested).into_iter();
    let is_manual = |event: &Event| match &event.body {
        EventBody::AuthorizationRequested(body) => body.capture_method == CaptureMethod::Manual,
        _ => false,
    };
    events.find(is_manual).unwrap()
}

fn older() -> String {
    as_version_0(&encode(&today())).unwrap()
}

fn is_damaged(data: &str) -> bool {
    matches!(decode(TYPE, data), Err(DecodeError::Damaged { .. }))
}

#[test]
fn an_event_of_an_older_version_is_read_as_today_s() {
    let older = older();
    assert!(older.starts_with(r#"{"v":0,"#) && !older.contains("captureMethod"), "{older}");
    let event = decode(TYPE, &older).unwrap();
    assert_eq!(event, today());
    assert_eq!(Payment::begin_with(&event), Payment::begin_with(&today()));
}

#[test]
fn it_is_canonical_as_it_was_written_and_no_other_way() {
    let (older, event) = (older(), today());
    assert!(is_canonical(&event, &older));
    assert!(is_canonical(&event, &encode(&event)), "and so is today's");
    for changed in [
        older.replacen(',', ", ", 1),
        older.replacen(r#""v":0"#, r#""v":1"#, 1),
        encode(&event).replacen(r#""v":1"#, r#""v":0"#, 1),
    ] {
        assert!(!is_canonical(&event, &changed), "{changed}");
    }
}

#[test]
fn its_fields_are_those_of_its_version_and_no_others() {
    let data: Value = serde_json::from_str(&older()).unwrap();
    for field in data.as_object().unwrap().keys().filter(|field| *field != "v") {
        let mut without = data.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(is_damaged(&without.to_string()), "without {field}");
    }
    let mut with_todays = data.clone();
    with_todays["captureMethod"] = "manual".into();
    assert!(is_damaged(&with_todays.to_string()), "{with_todays}");
    let twice = older().replacen(r#""amount":"#, r#""amount":5,"amount":"#, 1);
    assert!(is_damaged(&twice), "{twice}");
}

#[test]
fn a_version_that_nobody_knows_still_stops_its_reader() {
    for version in [2, 3, 70_000] {
        let data = older().replacen(r#""v":0"#, &format!(r#""v":{version}"#), 1);
        let error = decode(TYPE, &data).unwrap_err();
        assert_eq!(error, DecodeError::Unknown { event_type: TYPE.to_owned(), version });
        assert!(error.to_string().contains("upgrade"), "{error}");
    }
}
