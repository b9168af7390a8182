//! Where servers keep a ledger: a folder, or a database on Postgres.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::data_dir;
use crate::failure::Failure;
use crate::postgres::{Cluster, Database};

const SERVER_ROLE: &str = include_str!("../../../deploy/postgres/server_role.sql");

/// Removed, with all in it, when the run is over.
#[derive(Debug)]
pub(super) enum Data {
    Folder(TempDir),
    Database(Database),
}

impl Data {
    /// An empty folder, or a database that its owner has migrated and the serving role may use.
    pub(super) async fn fresh(cluster: Option<&Cluster>, program: &Path) -> Result<Self, Failure> {
        let Some(cluster) = cluster else { return Ok(Self::Folder(data_dir()?)) };
        let database = Database::create(cluster).await?;
        let mut migrate = Command::new(program);
        migrate.args(["migrate", "--database-url", &database.owner_url()]);
        let output = migrate
            .output()
            .map_err(|error| Failure::Io { doing: "running daybook migrate".into(), error })?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            return Err(Failure::Migrate { status: output.status.to_string(), said });
        }
        database.run_script(SERVER_ROLE).await?;
        Ok(Self::Database(database))
    }

    /// What tells daybook where it is, as the role that serves.
    pub(super) fn flags(&self) -> [OsString; 2] {
        match self {
            Self::Folder(dir) => ["--data-dir".into(), dir.path().into()],
            Self::Database(database) => ["--database-url".into(), database.server_url().into()],
        }
    }

    /// One sentence for each deadlock of the sessions that used it; to be asked after they ended.
    pub(super) async fn deadlocks(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Folder(_) => Ok(Vec::new()),
            Self::Database(database) => database.deadlocks().await,
        }
    }
}
