//! JSON as clients send it, read strictly: no field twice, bounded depth, numbers kept whole.

mod number;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

pub(crate) use self::number::Number;
use self::number::Written;
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
    let walk = Walk::through(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Value { depth: 0, walk: &walk }.deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(explain(&error, walk.fault.take())),
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

/// What all values of one text share.
struct Walk<'t> {
    fault: Cell<Option<Fault>>,
    written: RefCell<Written<'t>>,
    /// Numbers that the walk came by since it last asked how one is written.
    passed: Cell<usize>,
}

impl<'t> Walk<'t> {
    const fn through(text: &'t str) -> Self {
        let written = RefCell::new(Written::of(text));
        Self { fault: Cell::new(None), written, passed: Cell::new(0) }
    }

    fn pass(&self) {
        self.passed.set(self.passed.get().saturating_add(1));
    }

    /// The number that it stands at, as it is written.
    fn number(&self) -> Option<Number> {
        self.written.borrow_mut().nth(self.passed.take()).map(Number::written)
    }
}

struct Value<'w> {
    depth: u8,
    walk: &'w Walk<'w>,
}

impl Value<'_> {
    fn inner<E: Error>(&self) -> Result<u8, E> {
        if self.depth < MAX_DEPTH {
            return Ok(self.depth.saturating_add(1));
        }
        self.walk.fault.set(Some(Fault::TooDeep));
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
        self.walk.pass();
        Ok(Json::Number(Number::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        self.walk.pass();
        Ok(Json::Number(i64::try_from(value).map_or(Number::TooLarge, Number::Integer)))
    }

    /// A float may have been rounded: what counts is how it is written.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        let number = self.walk.number();
        number.map(Json::Number).ok_or_else(|| E::custom(format_args!("{value} is no number")))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let (depth, walk) = (self.inner()?, self.walk);
        let mut items = Vec::new();
        while let Some(item) = elements.next_element_seed(Value { depth, walk })? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let (depth, walk) = (self.inner()?, self.walk);
        let mut members = Members::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if members.contains_key(&name) {
                let shown = name.chars().take(64).collect();
                walk.fault.set(Some(Fault::Duplicate(shown)));
                return Err(A::Error::custom("a field twice"));
            }
            let value = map.next_value_seed(Value { depth, walk })?;
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
            ("[1, 2.0, 30e-1]", [1, 2, 3]),
            ("[1.0, 9007199254740993.0, -3]", [1, 9_007_199_254_740_993, -3]),
            ("[18446744073709551615, 2e0, 3e0]", [i64::MAX, 2, 3]),
        ];
        let number = |integer| match integer {
            i64::MAX => Json::Number(Number::TooLarge),
            integer => Json::Number(Number::Integer(integer)),
        };
        for (text, integers) in table {
            assert_eq!(
                parse(text.as_bytes()).unwrap(),
                Json::Array(integers.map(number).into()),
                "{text}"
            );
        }
        let rounded = parse(br#"{"1.0": "2.0", "amount": 0.99999999999999999999}"#).unwrap();
        let Json::Object(members) = rounded else { panic!("{rounded:?}") };
        assert_eq!(members["amount"], Json::Number(Number::Fraction));
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
