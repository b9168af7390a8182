//! A digest of events as their readers use them, so that a copy that came another way can be compared
//! with the ledger without reading all of it again.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Recorded;

/// SHA-256 over events in the order of their positions: of each what a view is folded from. The time of
/// its recording and its trace context are left out.
#[derive(Clone, Debug, Default)]
pub struct EventsDigest {
    hash: Sha256,
    line: String,
}

impl EventsDigest {
    /// The digest of these events.
    #[must_use]
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Recorded>) -> [u8; 32] {
        let mut digest = Self::default();
        for event in events {
            digest.add(event);
        }
        digest.finish()
    }

    pub fn add(&mut self, event: &Recorded) {
        let Recorded { position, payment_id, version, event_id, event_type, data, .. } = event;
        self.line.clear();
        // The length says where the data ends, whatever stands in it. Writing to a string can't fail.
        let length = data.len();
        let _ = write!(
            self.line,
            "{position} {payment_id} {version} {event_id} {event_type} {length} {data}"
        );
        self.hash.update(self.line.as_bytes());
    }

    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}
