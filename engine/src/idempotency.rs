//! Idempotency: the key a client chooses, and the fingerprint of what it asked for.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::printable::{NotPrintable, printable};

/// A client's key: 1 to 64 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
#[schemars(extend("minLength" = 1, "maxLength" = Self::MAX_LEN, "pattern" = "^[ -~]+$"))]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    pub const MAX_LEN: usize = 64;

    /// # Errors
    /// When the text is empty, longer than 64 characters or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, NotPrintable> {
        printable(text, Self::MAX_LEN).map(Self)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Arc<str>> for IdempotencyKey {
    type Error = NotPrintable;

    fn try_from(text: Arc<str>) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<IdempotencyKey> for Arc<str> {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

macro_rules! hash_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let hex = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                let hash = blake3::Hash::from_hex(hex.as_bytes())
                    .map_err(serde::de::Error::custom)?;
                Ok(Self(*hash.as_bytes()))
            }
        }
    };
}

hash_newtype!(
    /// BLAKE3 of the normalised command: what was asked, however it was spelled.
    Fingerprint
);
hash_newtype!(
    /// BLAKE3 of salt and text: what an event keeps of an erasable text.
    TextHash
);

/// What a request event keeps of the request that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// `None` where the client may omit it: whole-amount forms and voids. In JSON it stands there,
    /// null included.
    #[serde(deserialize_with = "Option::deserialize")]
    pub key: Option<IdempotencyKey>,
    pub fingerprint: Fingerprint,
    /// The representation version that every answer to this request is rendered in.
    pub representation: u16,
}
