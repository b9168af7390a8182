//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{LedgerId, Partition};
use daybook_engine::ledger::{Head, LedgerIdentity};
use serde::{Deserialize, Serialize};

use super::folder::{FileDigest, sync_folder};
use crate::cli::Failure;

const NAME: &str = "manifest.json";
/// The shape of the manifest and of the folder.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The build that made it.
    pub(crate) daybook: String,
    pub(crate) created_at: Timestamp,
    pub(crate) ledger_id: LedgerId,
    pub(crate) incarnation: u32,
    pub(crate) partitions: u16,
    /// The last position of each partition; where the database is copied apart, at least these are in it.
    pub(crate) heads: BTreeMap<Partition, u64>,
    pub(crate) seals: u64,
    /// The ledger's file; `None` where the database is copied apart.
    pub(crate) file: Option<FileDigest>,
}

impl Manifest {
    pub(super) fn new(
        identity: &LedgerIdentity,
        heads: &[Head],
        seals: u64,
        created_at: Timestamp,
    ) -> Self {
        Self {
            format: FORMAT,
            daybook: env!("CARGO_PKG_VERSION").to_owned(),
            created_at,
            ledger_id: identity.id,
            incarnation: identity.incarnation,
            partitions: identity.partitions,
            heads: heads.iter().map(|head| (head.partition, head.position)).collect(),
            seals,
            file: None,
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.heads.values().copied().fold(0, u64::saturating_add)
    }

    /// Writes it, on disk when this returns.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(NAME);
        let failed =
            |error: std::io::Error| Failure::dependency(&path.display().to_string(), &error);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::dependency("the manifest", &error))?;
        let mut file = File::create(&path).map_err(failed)?;
        writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(dir)
    }

    /// # Errors
    /// [`Failure::Usage`] where the folder is no backup that this build can restore.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(NAME);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Usage(format!("{} is no whole backup: {}: {error}", dir.display(), NAME))
        })?;
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        if manifest.format != FORMAT {
            return Err(Failure::Usage(format!(
                "{} has format {}, and this build reads {FORMAT}: use the build that made it, {}",
                path.display(),
                manifest.format,
                manifest.daybook
            )));
        }
        Ok(manifest)
    }
}
