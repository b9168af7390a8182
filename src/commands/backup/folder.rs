//! A backup's folder and its files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::Failure;

/// Size and BLAKE3 of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FileDigest {
    pub(crate) bytes: u64,
    pub(crate) blake3: String,
}

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

impl FileDigest {
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::dependency(&path.display().to_string(), &error);
        let mut file = File::open(path).map_err(failed)?;
        let (mut hash, mut bytes) = (blake3::Hasher::new(), 0_u64);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = file.read(&mut chunk).map_err(failed)?;
            if read == 0 {
                return Ok(Self { bytes, blake3: hash.finalize().to_hex().to_string() });
            }
            hash.update(chunk.get(..read).unwrap_or_default());
            bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
    }
}

/// Creates the folder, or takes one that is empty.
pub(crate) fn create_empty(dir: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::dependency(&dir.display().to_string(), &error);
    std::fs::create_dir_all(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(Failure::Usage(format!(
            "{} is not empty: name a folder that is new or empty",
            dir.display()
        )));
    }
    Ok(())
}

/// Makes the names in the folder as lasting as what stands behind them.
pub(crate) fn sync_folder(dir: &Path) -> Result<(), Failure> {
    let synced = File::open(dir).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Failure::dependency(&dir.display().to_string(), &error))
}
