//! The composition root: the only place that names every adapter.

mod lock;

pub(crate) use lock::DataLock;

use std::path::PathBuf;
use std::sync::Arc;

use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::ids::{Ids, LedgerId};
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::work::sqlite::SqliteWork;
use daybook_projections::views::sqlite::SqliteViews;

use crate::cli::Failure;
use crate::config::Config;

/// Where the time comes from in this process.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

pub(crate) fn ids() -> Result<Ids, Failure> {
    Ids::from_system(clock()).map_err(|error| Failure::dependency("randomness", &error))
}

/// The stores of one process.
pub(crate) struct Stores {
    pub(crate) ledger: Arc<SqliteLedger>,
    pub(crate) work: Arc<SqliteWork>,
    pub(crate) views: Arc<SqliteViews>,
    _lock: DataLock,
}

impl Stores {
    /// Opens the data directory for this process alone, creating what is missing.
    pub(crate) async fn open(config: &Config, ids: &Ids) -> Result<Self, Failure> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir).map_err(|error| {
            Failure::dependency(&format!("the data directory {}", dir.display()), &error)
        })?;
        let lock = DataLock::take(dir)?;
        let new_id = LedgerId::from_uuid(ids.event_id().uuid());
        let ledger = SqliteLedger::open(&ledger_path(config), config.partitions, new_id).await?;
        let partitions = ledger.identity().partitions;
        Ok(Self {
            work: Arc::new(SqliteWork::open(&dir.join("work.db"), clock()).await?),
            views: Arc::new(open_views(config, partitions).await?),
            ledger: Arc::new(ledger),
            _lock: lock,
        })
    }

    pub(crate) async fn close(&self) {
        self.views.close().await;
        self.work.close().await;
        self.ledger.close().await;
    }
}

/// The ledger for a command that only reads, beside a running `serve` or without one.
pub(crate) async fn open_ledger_to_read(config: &Config) -> Result<Arc<SqliteLedger>, Failure> {
    let path = ledger_path(config);
    if !path.exists() {
        return Err(Failure::Dependency(format!(
            "there is no ledger in {}: name its folder with --data-dir",
            config.data_dir.display()
        )));
    }
    let new_id = LedgerId::from_uuid(ids()?.event_id().uuid());
    Ok(Arc::new(SqliteLedger::open(&path, None, new_id).await?))
}

pub(crate) async fn open_views(config: &Config, partitions: u16) -> Result<SqliteViews, Failure> {
    let path = config.data_dir.join("views.db");
    SqliteViews::open(&path, partitions)
        .await
        .map_err(|error| Failure::dependency("the views", &error))
}

fn ledger_path(config: &Config) -> PathBuf {
    config.data_dir.join("ledger.db")
}
