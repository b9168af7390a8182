//! Events of older schema versions, read as today's.
//!
//! When an event's JSON has to change, its struct in `event.rs` becomes the next version, and the
//! old one comes here with its fields as they were: an [`OlderEvent`], listed in [`OLDER`]. What is
//! stored, hashed, sealed and published stays as it was written; only what is folded is today's.

#[cfg(any(test, feature = "testing"))]
pub mod made_up;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::{Event, EventType};

#[cfg(not(any(test, feature = "testing")))]
static OLDER: [Older; 0] = [];
#[cfg(any(test, feature = "testing"))]
static OLDER: [Older; 1] = [Older::of::<made_up::AuthorizationRequested>()];

/// An older version of an event: it decodes as strictly as today's, and encodes as it did then.
trait OlderEvent: Serialize + DeserializeOwned {
    const TYPE: EventType;
    const VERSION: u64;

    /// Pure, so that history always reads the same. Once there are two older versions, the first
    /// upcasts through the second.
    fn upcast(self) -> Event;
}

/// How one older version is read.
pub(super) struct Older {
    event_type: EventType,
    version: u64,
    upcast: fn(&str) -> serde_json::Result<Event>,
    respell: fn(&str) -> serde_json::Result<String>,
}

impl Older {
    const fn of<E: OlderEvent>() -> Self {
        Self {
            event_type: E::TYPE,
            version: E::VERSION,
            upcast: |data| serde_json::from_str(data).map(E::upcast),
            respell: |data| serde_json::to_string(&serde_json::from_str::<E>(data)?),
        }
    }

    pub(super) fn find(event_type: EventType, version: u64) -> Option<&'static Self> {
        OLDER.iter().find(|older| older.event_type == event_type && older.version == version)
    }

    /// Today's event.
    pub(super) fn upcast(&self, data: &str) -> serde_json::Result<Event> {
        (self.upcast)(data)
    }

    /// Whether the data is exactly what a build of that version wrote.
    pub(super) fn is_canonical(&self, data: &str) -> bool {
        (self.respell)(data).is_ok_and(|spelled| spelled == data)
    }
}
