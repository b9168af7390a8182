//! A request's body by itself.

use serde_json::Value;

use crate::json::{Json, Members, Number, parse};

/// # Panics
/// Where a body that is taken is no JSON to another reader, or another one.
pub fn body(input: &[u8]) {
    let Ok(read) = parse(input) else { return };
    let other: Value = serde_json::from_slice(input).expect("what is taken is JSON");
    assert!(is_same(&read, &other), "{read:?} and {other}");
}

fn is_same(read: &Json<'_>, other: &Value) -> bool {
    match (read, other) {
        (Json::Null, Value::Null) => true,
        (Json::Array(read), Value::Array(other)) => {
            read.len() == other.len()
                && read.iter().zip(other).all(|(read, other)| is_same(read, other))
        }
        (Json::Bool(read), Value::Bool(other)) => read == other,
        (Json::String(read), Value::String(other)) => read == other,
        (Json::Number(Number::Integer(read)), Value::Number(other)) => {
            // `1000.0` is the integer 1000 here and a float there, rounded where it has many digits, and
            // by serde_json to a neighbour of the nearest.
            let nearest = *read as f64;
            let is_whole = || {
                let near = nearest.next_down()..=nearest.next_up();
                other.as_f64().is_some_and(|value| near.contains(&value))
            };
            other.as_i64() == Some(*read) || is_whole()
        }
        // Not written as an integer of 64 bits: a reader that took it for one would be wrong.
        (Json::Number(_), Value::Number(other)) => other.as_i64().is_none(),
        (Json::Object(read), Value::Object(other)) => {
            read.len() == other.len() && have_same(read, other)
        }
        _ => false,
    }
}

fn have_same(read: &Members<'_>, other: &serde_json::Map<String, Value>) -> bool {
    read.iter().all(|(name, value)| other.get(&**name).is_some_and(|other| is_same(value, other)))
}
