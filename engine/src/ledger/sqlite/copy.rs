//! A copy of the ledger as it stands at one moment, made beside whoever writes to it.

use std::fs::File;
use std::path::Path;

use super::super::StoreError;
use super::{STORE, SqliteLedger};

impl SqliteLedger {
    /// Copies the ledger to a file that is not there yet, on disk when this returns. Appends go on
    /// meanwhile; the copy is what one read transaction sees.
    ///
    /// # Errors
    /// When the file is there, or can't be written.
    pub async fn copy(&self, to: &Path) -> Result<(), StoreError> {
        let refused = |cause: String| StoreError::Refused(format!("{}: {cause}", to.display()));
        let name = to.to_str().ok_or_else(|| refused("must be a name in UTF-8".to_owned()))?;
        let mut writer = self.database.writer().await;
        // It only reads here; the writer is this process's, and nobody else waits for it.
        let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut *writer).await;
        copied.map_err(|error| self.database.unavailable(&error))?;
        // SQLite leaves the copy to the operating system.
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::Unavailable {
            store: STORE,
            cause: format!("{}: {error}", to.display()),
        })
    }
}
