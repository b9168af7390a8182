//! One `serve` a data directory: an operating-system lock, free when its process dies.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::cli::Failure;

/// Held as long as the process serves from the directory.
#[derive(Debug)]
pub(crate) struct DataLock(#[expect(dead_code, reason = "the lock ends with the file")] File);

impl DataLock {
    pub(crate) fn take(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join("daybook.lock");
        let file = File::create(&path)
            .map_err(|error| Failure::dependency(&path.display().to_string(), &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Failure::Usage(format!(
                "another daybook serves from {}: stop it, or name another --data-dir",
                dir.display()
            ))),
            Err(TryLockError::Error(error)) => {
                Err(Failure::dependency(&path.display().to_string(), &error))
            }
        }
    }
}
