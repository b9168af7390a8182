//! Everything in the data directory, for one process.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::Ids;
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::work::WorkStore;
use daybook_engine::work::sqlite::SqliteWork;
use daybook_projections::views::sqlite::SqliteViews;
use daybook_relay::cursors::RelayCursors;
use daybook_relay::cursors::sqlite::SqliteRelayCursors;

use super::lock::DataLock;
use super::{Opened, Stores, Views, clock, ids, new_ledger_id, views_failure};
use crate::cli::Failure;
use crate::config::Config;

struct Embedded {
    ledger: Arc<SqliteLedger>,
    work: Option<Arc<SqliteWork>>,
    views: Option<Arc<SqliteViews>>,
    relay_cursors: Option<Arc<SqliteRelayCursors>>,
    _lock: DataLock,
}

#[async_trait]
impl Opened for Embedded {
    async fn close(&self) {
        if let Some(views) = &self.views {
            views.close().await;
        }
        if let Some(work) = &self.work {
            work.close().await;
        }
        if let Some(cursors) = &self.relay_cursors {
            cursors.close().await;
        }
        self.ledger.close().await;
    }
}

/// Opens the data directory for this process alone, creating what is missing.
pub(super) async fn open(config: &Config, ids: &Ids) -> Result<Stores, Failure> {
    let dir = &config.data_dir;
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::dependency(&format!("the data directory {}", dir.display()), &error)
    })?;
    let lock = DataLock::take(dir)?;
    let new_id = new_ledger_id(ids);
    let ledger = SqliteLedger::open(&ledger_path(config), config.partitions, new_id).await?;
    let ledger = Arc::new(ledger);
    let work = match config.needs_work() {
        true => Some(Arc::new(SqliteWork::open(&work_path(config), clock()).await?)),
        false => None,
    };
    let views = match config.needs_views() {
        true => Some(views(config, ledger.identity().partitions).await?),
        false => None,
    };
    let relay_cursors = match config.needs_relay() {
        true => Some(relay_cursors(config).await?),
        false => None,
    };
    Ok(Stores {
        ledger: ledger.clone(),
        work: work.clone().map(|work| work as Arc<dyn WorkStore>),
        views: views.as_ref().map(Views::new),
        relay_cursors: relay_cursors.clone().map(|cursors| cursors as Arc<dyn RelayCursors>),
        leases: None,
        opened: Box::new(Embedded { ledger, work, views, relay_cursors, _lock: lock }),
    })
}

pub(super) async fn ledger_to_read(config: &Config) -> Result<Arc<dyn Ledger>, Failure> {
    let path = ledger_path(config);
    if !path.exists() {
        return Err(Failure::Dependency(format!(
            "there is no ledger in {}: name its folder with --data-dir, or its database with \
             --database-url",
            config.data_dir.display()
        )));
    }
    let new_id = new_ledger_id(&ids()?);
    Ok(Arc::new(SqliteLedger::open(&path, None, new_id).await?))
}

pub(super) async fn views(config: &Config, partitions: u16) -> Result<Arc<SqliteViews>, Failure> {
    let path = config.data_dir.join("views.db");
    SqliteViews::open(&path, partitions).await.map(Arc::new).map_err(views_failure)
}

/// They stand with the work rows.
pub(super) async fn relay_cursors(config: &Config) -> Result<Arc<SqliteRelayCursors>, Failure> {
    Ok(Arc::new(SqliteRelayCursors::open(&work_path(config)).await?))
}

fn work_path(config: &Config) -> PathBuf {
    config.data_dir.join("work.db")
}

fn ledger_path(config: &Config) -> PathBuf {
    config.data_dir.join("ledger.db")
}
