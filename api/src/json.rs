//! JSON as clients send it, read strictly: no field twice, bounded depth, numbers kept whole.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::ApiError;
use crate::problem::{BODY_NOT_UTF8, DUPLICATE_FIELD, JSON_TOO_DEEP, MALFORMED_JSON};

/// How deep objects and arrays may stand in one another; the documented bodies need 4.
const MAX_DEPTH: u8 = 16;

pub(crate) type Members<'a> = BTreeMap<Cow<'a, str>, Json<'a>>;

#[derive(Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Members<'a>),
}

/// A number, never as a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Integer(i64),
    /// Beyond `i64`, with or without a fraction.
    TooLarge,
    TooSmall,
    /// With a fraction, or beyond what a float holds exactly.
    Fraction,
}

impl Json<'_> {
    /// For messages: "but is …".
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// # Errors
/// Where the text is not UTF-8, not JSON, too deep, or holds a field twice; says where.
pub(crate) fn parse(body: &[u8]) -> Result<Json<'_>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        ApiError::new(BODY_NOT_UTF8, format!("the body is not UTF-8 at byte offset {at}"))
    })?;
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Value { depth: 0, fault: &fault }.deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(explain(&error, fault.take())),
    }
}

fn explain(error: &serde_json::Error, fault: Option<Fault>) -> ApiError {
    let (line, column) = (error.line(), error.column());
    match fault {
        Some(Fault::Duplicate(name)) => {
            let detail = format!("the field {name:?} stands twice: line {line}, column {column}");
            ApiError::new(DUPLICATE_FIELD, detail).field(name)
        }
        Some(Fault::TooDeep) => ApiError::new(
            JSON_TOO_DEEP,
            format!("nested deeper than {MAX_DEPTH} levels: line {line}, column {column}"),
        ),
        None => ApiError::new(MALFORMED_JSON, format!("the body is not JSON: {error}")),
    }
}

/// What is no error of syntax.
enum Fault {
    Duplicate(String),
    TooDeep,
}

struct Value<'f> {
    depth: u8,
    fault: &'f Cell<Option<Fault>>,
}

impl<'f> Value<'f> {
    fn inner<E: Error>(&self) -> Result<u8, E> {
        if self.depth < MAX_DEPTH {
            return Ok(self.depth.saturating_add(1));
        }
        self.fault.set(Some(Fault::TooDeep));
        Err(E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(i64::try_from(value).map_or(Number::TooLarge, Number::Integer)))
    }

    /// `1000.0` and `1e3` are the integer 1000 (as JSON Schema has it), where a float holds every digit of it.
    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        const MOST: f64 = 9.0e18;
        const LEAST: f64 = -9.0e18;
        /// 2^53: beyond it not every integer has a float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        Ok(Json::Number(match value {
            whole if whole.fract() == 0.0 && whole.abs() <= EXACT => Number::Integer(whole as i64),
            large if large > MOST => Number::TooLarge,
            small if small < LEAST => Number::TooSmall,
            _ => Number::Fraction,
        }))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let (depth, fault) = (self.inner()?, self.fault);
        let mut items = Vec::new();
        while let Some(item) = elements.next_element_seed(Value { depth, fault })? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let (depth, fault) = (self.inner()?, self.fault);
        let mut members = Members::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if members.contains_key(&name) {
                let shown = name.chars().take(64).collect();
                fault.set(Some(Fault::Duplicate(shown)));
                return Err(A::Error::custom("a field twice"));
            }
            let value = map.next_value_seed(Value { depth, fault })?;
            members.insert(name, value);
        }
        Ok(Json::Object(members))
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_they_were_written_as() {
        let table = [
            ("1000", Number::Integer(1000)),
            ("-1", Number::Integer(-1)),
            ("9223372036854775807", Number::Integer(i64::MAX)),
            ("-9223372036854775808", Number::Integer(i64::MIN)),
            ("9223372036854775808", Number::TooLarge),
            ("99999999999999999999999999", Number::TooLarge),
            ("-99999999999999999999", Number::TooSmall),
            ("1.0", Number::Integer(1)),
            ("1e3", Number::Integer(1000)),
            ("-0", Number::Integer(0)),
            ("9007199254740992.0", Number::Integer(9_007_199_254_740_992)),
            ("9007199254740994.0", Number::Fraction),
            ("0.1", Number::Fraction),
            ("1000.5", Number::Fraction),
        ];
        for (text, number) in table {
            assert_eq!(parse(text.as_bytes()).unwrap(), Json::Number(number), "{text}");
        }
    }

    #[test]
    fn a_deep_value_is_refused_at_the_bound_and_not_before() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(16).as_bytes()).is_ok());
        assert!(parse(nested(17).as_bytes()).is_err());
        assert!(parse(nested(60_000).as_bytes()).is_err());
    }

    #[test]
    fn a_field_may_not_stand_twice_however_it_is_spelled() {
        assert!(parse(br#"{"a":1,"b":{"a":1}}"#).is_ok());
        assert!(parse(br#"{"a":1,"\u0061":1}"#).is_err());
        assert!(parse(br#"{"b":{"a":1,"a":1}}"#).is_err());
    }
}
