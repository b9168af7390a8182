//! Free text: reference, reason and metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::ApiError;
use crate::fields::{Fields, invalid, string_of};
use crate::problem::{FIELD_INVALID, INTERNAL};

pub(crate) const MAX_REFERENCE_CHARS: usize = 128;
pub(crate) const MAX_REASON_CHARS: usize = 255;
pub(crate) const MAX_PAIRS: usize = 20;
pub(crate) const MAX_NAME_CHARS: usize = 40;
pub(crate) const MAX_VALUE_CHARS: usize = 500;

/// A text of 1 to `max` characters without control characters.
pub(crate) fn text(
    fields: &mut Fields<'_>,
    name: &'static str,
    max: usize,
) -> Result<Option<Arc<str>>, ApiError> {
    let Some(text) = fields.string(name, FIELD_INVALID)? else { return Ok(None) };
    if text.is_empty() {
        return Err(invalid(FIELD_INVALID, name, &"must not be empty: leave it out"));
    }
    check(&text, name, max)?;
    Ok(Some(Arc::from(text)))
}

/// A JSON object, its names sorted.
pub(crate) fn metadata(fields: &mut Fields<'_>) -> Result<Option<Arc<str>>, ApiError> {
    let Some(members) = fields.object("metadata")? else { return Ok(None) };
    if members.len() > MAX_PAIRS {
        let detail = format!("must have at most {MAX_PAIRS} pairs, but has {}", members.len());
        return Err(invalid(FIELD_INVALID, "metadata", &detail));
    }
    let mut pairs = BTreeMap::new();
    for (name, value) in members {
        if name.is_empty() {
            return Err(invalid(FIELD_INVALID, "metadata", &"must not have an empty name"));
        }
        check(&name, "a name in metadata", MAX_NAME_CHARS)
            .map_err(|error| error.field("metadata"))?;
        let field = format!("metadata.{name}");
        let value = string_of(Some(value), &field, FIELD_INVALID)?
            .ok_or_else(|| invalid(FIELD_INVALID, &field, &"must be a string, not null"))?;
        check(&value, &field, MAX_VALUE_CHARS)?;
        pairs.insert(name, value);
    }
    let json = serde_json::to_string(&pairs);
    json.map(|json| Some(Arc::from(json))).map_err(|error| {
        ApiError::new(INTERNAL, "metadata can't be written as JSON").caused_by(error)
    })
}

fn check(text: &str, name: &str, max: usize) -> Result<(), ApiError> {
    let len = text.chars().count();
    if len > max {
        let detail = format!("must be at most {max} characters long, but has {len}");
        return Err(invalid(FIELD_INVALID, name, &detail));
    }
    match text.chars().position(char::is_control) {
        Some(before) => {
            let at = before.saturating_add(1);
            let detail = format!("must not have control characters, but character {at} is one");
            Err(invalid(FIELD_INVALID, name, &detail))
        }
        None => Ok(()),
    }
}
