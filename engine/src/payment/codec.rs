//! Events as text: byte for byte what the ledger stores, hashes and publishes.

use serde::Deserialize;

use super::event::{Event, EventType};

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

/// # Errors
/// [`DecodeError::Unknown`] for a type or version of a later build, else [`DecodeError::Damaged`].
pub fn decode(event_type: &str, data: &str) -> Result<Event, DecodeError> {
    let Some(known) = EventType::parse(event_type) else {
        return Err(DecodeError::Unknown {
            event_type: event_type.to_owned(),
            version: version_of(data).unwrap_or(0),
        });
    };
    Event::from_json(known, data).map_err(|error| match version_of(data) {
        Some(version) if version != u64::from(known.schema_version()) => {
            DecodeError::Unknown { event_type: event_type.to_owned(), version }
        }
        _ => DecodeError::Damaged { event_type: event_type.to_owned(), cause: error.to_string() },
    })
}

/// Whether the data is exactly what [`encode`] would write.
#[must_use]
pub fn is_canonical(event: &Event, data: &str) -> bool {
    encode(event) == data
}

fn version_of(data: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u64,
    }
    serde_json::from_str::<Versioned>(data).ok().map(|versioned| versioned.v)
}
