//! Identifiers and where they come from.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::clock::Clock;
use crate::idempotency::IdempotencyKey;
use crate::merchant::MerchantId;

macro_rules! uuid_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_newtype!(
    /// Which ledger: fixed when the ledger is created, part of every payment id.
    LedgerId
);
uuid_newtype!(
    /// One payment: a UUIDv8 derived from ledger, merchant and key (see [`PaymentId::derive`]).
    PaymentId
);
uuid_newtype!(
    /// One event: a UUIDv7, given before the first attempt to append it.
    EventId
);
uuid_newtype!(
    /// One operation: a UUIDv7, and the acquirer's idempotency key.
    OperationId
);

/// One of the ledger's P partitions, counted from 0.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Partition(u16);

impl Partition {
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every partition of a ledger that has `count` of them.
    pub fn all(count: u16) -> impl Iterator<Item = Self> {
        (0..count).map(Self)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl PaymentId {
    /// The first 16 bytes of SHA-256 over ledger id (lower-case UUID text), merchant and key,
    /// each after its length in 4 bytes, big-endian, with the UUIDv8 bits set (RFC 9562, 5.8).
    ///
    /// A public contract: the same authorization always finds the same payment.
    #[must_use]
    pub fn derive(ledger: LedgerId, merchant: &MerchantId, key: &IdempotencyKey) -> Self {
        let ledger = ledger.to_string();
        let mut hash = Sha256::new();
        for part in [ledger.as_str(), merchant.as_str(), key.as_str()] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            hash.update(length.to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(Builder::from_custom_bytes(first).into_uuid())
    }

    /// The partition it lives in: its first 8 bytes, big-endian, modulo the number of partitions.
    #[must_use]
    pub fn partition(self, partitions: u16) -> Partition {
        let (high, _) = self.0.as_u64_pair();
        let number = high.checked_rem(u64::from(partitions)).unwrap_or(0);
        Partition(u16::try_from(number).unwrap_or(0))
    }
}

/// Where new identifiers and salts come from: the clock and a random stream, both injected.
pub struct Ids {
    clock: Arc<dyn Clock>,
    random: Mutex<StdRng>,
}

impl Ids {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn from_system(clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let random = StdRng::try_from_rng(&mut SysRng).map_err(std::io::Error::other)?;
        Ok(Self { clock, random: Mutex::new(random) })
    }

    /// The same sequence for the same seed.
    #[must_use]
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    #[must_use]
    pub fn event_id(&self) -> EventId {
        EventId(self.uuid_v7())
    }

    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        OperationId(self.uuid_v7())
    }

    /// Names one request in logs; never stored.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.uuid_v7()
    }

    /// 16 random bytes that make an erased text impossible to guess from its hash.
    #[must_use]
    pub fn salt(&self) -> [u8; 16] {
        self.random_bytes()
    }

    fn uuid_v7(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.random_bytes()).into_uuid()
    }

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}
