//! Events as text: byte for byte what the ledger stores, hashes and publishes.

use serde::Deserialize;

use super::event::{Event, EventType};
use super::older::Older;

/// Why stored data can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Never skipped: a process that doesn't know an event stops (DESIGN, invariant 10).
    #[error(
        "event type {event_type:?} version {version} is not known to this build of daybook: upgrade it"
    )]
    Unknown { event_type: String, version: u64 },
    #[error("the data of a {event_type} event is damaged: {cause}")]
    Damaged { event_type: String, cause: String },
}

/// The event's `data`.
#[must_use]
pub fn encode(event: &Event) -> String {
    // Every field is a string, an integer, a bool or null, so JSON can always hold it.
    event.to_json().unwrap_or_default()
}

/// Today's event, whichever version the data is of.
///
/// # Errors
/// [`DecodeError::Unknown`] for a type or version of a later build, else [`DecodeError::Damaged`].
pub fn decode(event_type: &str, data: &str) -> Result<Event, DecodeError> {
    let Some(known) = EventType::parse(event_type) else {
        return Err(DecodeError::Unknown {
            event_type: event_type.to_owned(),
            version: version_of(data).unwrap_or(0),
        });
    };
    // Nearly every event is of today's version, so others are looked for only where it is not.
    Event::from_json(known, data).or_else(|error| match version_of(data) {
        Some(version) if version != u64::from(known.schema_version()) => {
            let older = Older::find(known, version).ok_or_else(|| DecodeError::Unknown {
                event_type: event_type.to_owned(),
                version,
            })?;
            older.upcast(data).map_err(|error| damaged(known, &error))
        }
        _ => Err(damaged(known, &error)),
    })
}

/// Whether the data is exactly what [`encode`] would write, or what it wrote at the data's version.
#[must_use]
pub fn is_canonical(event: &Event, data: &str) -> bool {
    let as_it_was = || {
        let older = version_of(data).and_then(|version| Older::find(event.event_type(), version));
        older.is_some_and(|older| older.is_canonical(data))
    };
    encode(event) == data || as_it_was()
}

fn damaged(event_type: EventType, error: &serde_json::Error) -> DecodeError {
    let event_type = event_type.as_str().to_owned();
    DecodeError::Damaged { event_type, cause: error.to_string() }
}

fn version_of(data: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u64,
    }
    serde_json::from_str::<Versioned>(data).ok().map(|versioned| versioned.v)
}
