//! The chain that seals are values of: a public contract, told to others in `docs/seals.md` and held
//! by `engine/tests/seals/golden.rs`.

use crate::ids::{LedgerId, Partition};
use crate::ledger::Recorded;

use super::{Seal, SealHash};

/// What the chain of every partition begins with; the number is the definition's version.
const NAME: &[u8] = b"daybook seal 1";

/// The hash of one event: what the chain takes in of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLink([u8; 32]);

impl ChainLink {
    #[must_use]
    pub fn of(event: &Recorded) -> Self {
        let Recorded { position, payment_id, version, event_id, .. } = event;
        let mut hash = blake3::Hasher::new();
        hash.update(&position.to_be_bytes());
        hash.update(payment_id.uuid().as_bytes());
        hash.update(&version.to_be_bytes());
        hash.update(event_id.uuid().as_bytes());
        hash.update(&event.recorded_at.millis().to_be_bytes());
        for text in [&*event.event_type, &*event.data, event.traceparent.as_deref().unwrap_or("")] {
            hash.update(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
        Self(*hash.finalize().as_bytes())
    }
}

/// A partition's chain up to a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    position: u64,
    hash: SealHash,
}

impl Chain {
    /// Before the first event.
    #[must_use]
    pub fn begin(ledger: LedgerId, partition: Partition) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(NAME);
        hash.update(ledger.uuid().as_bytes());
        hash.update(&partition.number().to_be_bytes());
        Self { position: 0, hash: SealHash(*hash.finalize().as_bytes()) }
    }

    /// Where a seal stands, taken at its word.
    #[must_use]
    pub const fn from_seal(seal: &Seal) -> Self {
        Self { position: seal.position, hash: seal.hash }
    }

    /// Takes the next event in.
    pub fn add(&mut self, event: &Recorded) {
        self.add_link(event.position, &ChainLink::of(event));
    }

    /// As [`Chain::add`], of an event at this position that was hashed before.
    pub fn add_link(&mut self, position: u64, link: &ChainLink) {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.hash.0);
        hash.update(&link.0);
        self.hash = SealHash(*hash.finalize().as_bytes());
        self.position = position;
    }

    /// The last event that was taken in; 0 before the first.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    #[must_use]
    pub const fn hash(&self) -> SealHash {
        self.hash
    }
}
