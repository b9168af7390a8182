//! Free text beside the ledger: metadata, reference and reason, each under a salt, erasable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::idempotency::TextHash;

/// Which text of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextName {
    Reference,
    Metadata,
    Reason,
}

impl TextName {
    pub const ALL: [Self; 3] = [Self::Reference, Self::Metadata, Self::Reason];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Metadata => "metadata",
            Self::Reason => "reason",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A text that a client sent, not yet stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewText {
    pub name: TextName,
    pub text: Arc<str>,
}

/// A text as it stands in the store; `salt` and `text` are `None` once erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText {
    /// The version of the event it belongs to.
    pub version: u32,
    pub name: TextName,
    pub salt: Option<[u8; 16]>,
    pub text: Option<Arc<str>>,
}

/// BLAKE3(salt ‖ text).
#[must_use]
pub fn hash_text(salt: &[u8; 16], text: &str) -> TextHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt);
    hasher.update(text.as_bytes());
    TextHash::from_bytes(*hasher.finalize().as_bytes())
}
