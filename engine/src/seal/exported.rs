//! A seal on its own, as one line of JSON: in an export, in the log's stead, and in a topic.

use serde::{Deserialize, Serialize};

use super::{Seal, SealHash};
use crate::clock::Timestamp;
use crate::ids::{LedgerId, Partition};

/// A seal, and which ledger's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportedSeal {
    pub ledger_id: LedgerId,
    pub incarnation: u32,
    pub partition: Partition,
    pub number: u64,
    pub position: u64,
    pub hash: SealHash,
    pub sealed_at: Timestamp,
}

/// A line that is no exported seal.
#[derive(Debug, thiserror::Error)]
#[error("is no seal such as `daybook seals export` writes: {0}")]
pub struct NoSeal(serde_json::Error);

impl ExportedSeal {
    #[must_use]
    pub const fn new(ledger_id: LedgerId, seal: &Seal) -> Self {
        let Seal { partition, number, position, hash, incarnation, sealed_at } = *seal;
        Self { ledger_id, incarnation, partition, number, position, hash, sealed_at }
    }

    #[must_use]
    pub const fn seal(&self) -> Seal {
        let Self { partition, number, position, hash, incarnation, sealed_at, .. } = *self;
        Seal { partition, number, position, hash, incarnation, sealed_at }
    }

    /// # Errors
    /// Where the line is something else.
    pub fn read(line: &str) -> Result<Self, NoSeal> {
        serde_json::from_str(line).map_err(NoSeal)
    }

    /// One line of JSON, its fields in this order.
    #[must_use]
    pub fn line(&self) -> String {
        // Numbers and texts alone: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
