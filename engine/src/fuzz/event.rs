//! An event's data: its type on the first line, and the rest is what the ledger holds.

use serde_json::Value;

use crate::payment::{Event, decode, encode, is_canonical};

/// # Panics
/// Where data that is taken isn't the event that it makes: a field lost, added or changed by writing
/// it again, or an event that reads otherwise than it was written.
pub fn event(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (event_type, data) = text.split_once('\n').unwrap_or((text, ""));
    let data = data.strip_suffix('\n').unwrap_or(data);
    if let Ok(event) = decode(event_type, data) {
        assert_eq!(event.event_type().as_str(), event_type, "the type is the one asked for");
        check_spelling(&event, data);
    }
}

fn check_spelling(event: &Event, data: &str) {
    let written = encode(event);
    let again = decode(event.event_type().as_str(), &written);
    assert_eq!(again.as_ref(), Ok(event), "what is written reads as it was meant:\n{written}");
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("taken, so it is JSON");
    let (read, wrote) = (value(data), value(&written));
    assert!(says_the_same(&read, &wrote), "read\n{data}\nand wrote\n{written}");
    assert_eq!(is_canonical(event, data), written == data, "canonical is what is written so");
}

/// The same fields with the same numbers and nulls. A text may be spelled otherwise, as times and ids
/// can be.
fn says_the_same(read: &Value, wrote: &Value) -> bool {
    match (read, wrote) {
        (Value::Object(read), Value::Object(wrote)) => {
            let same = |(name, value)| wrote.get(name).is_some_and(|o| says_the_same(value, o));
            read.len() == wrote.len() && read.iter().all(same)
        }
        (Value::Array(read), Value::Array(wrote)) => {
            read.len() == wrote.len() && read.iter().zip(wrote).all(|(r, w)| says_the_same(r, w))
        }
        (Value::String(_), Value::String(_)) => true,
        (read, wrote) => read == wrote,
    }
}
