//! Everything in the data directory, for one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::Ids;
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::work::WorkStore;
use daybook_engine::work::sqlite::SqliteWork;
use daybook_projections::View;
use daybook_projections::rebuild::RebuildStore;
use daybook_projections::views::sqlite::{SqliteRebuild, SqliteViews};
use daybook_relay::cursors::RelayCursors;
use daybook_relay::cursors::sqlite::SqliteRelayCursors;

use super::lock::DataLock;
use super::{
    Adopting, Book, Erasing, Opened, ReaderStores, Stores, Views, clock, ids, new_ledger_id,
    views_failure,
};
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
    if marker(config).exists() {
        return Err(Failure::Usage(format!(
            "the ledger in {} was restored from a backup: run `daybook ledger adopt` first",
            dir.display()
        )));
    }
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
        seals: ledger.clone(),
        work: work.clone().map(|work| work as Arc<dyn WorkStore>),
        views: views.as_ref().map(Views::new),
        relay_cursors: relay_cursors.clone().map(|cursors| cursors as Arc<dyn RelayCursors>),
        leases: None,
        opened: Box::new(Embedded { ledger, work, views, relay_cursors, _lock: lock }),
    })
}

pub(super) async fn book_to_read(config: &Config) -> Result<Book, Failure> {
    let path = existing(config)?;
    let new_id = new_ledger_id(&ids()?);
    Ok(Book::new(Arc::new(SqliteLedger::open(&path, None, new_id).await?)))
}

fn existing(config: &Config) -> Result<PathBuf, Failure> {
    let path = ledger_path(config);
    if !path.exists() {
        return Err(Failure::Dependency(format!(
            "there is no ledger in {}: name its folder with --data-dir, or its database with \
             --database-url",
            config.data_dir.display()
        )));
    }
    Ok(path)
}

/// Refused while a process serves from the directory.
pub(super) async fn for_adoption(config: &Config) -> Result<Adopting, Failure> {
    let path = existing(config)?;
    let lock = DataLock::take(&config.data_dir)?;
    let ledger = SqliteLedger::open(&path, None, new_ledger_id(&ids()?)).await?;
    let ledger = Arc::new(ledger);
    let work = Arc::new(SqliteWork::open(&work_path(config), clock()).await?);
    let views = views(config, ledger.identity().partitions).await?;
    let cursors = relay_cursors(config).await?;
    Ok(Adopting {
        book: Book::new(ledger.clone()),
        adoption: ledger.clone(),
        work: work.clone(),
        view_store: views.clone(),
        views: views.clone(),
        cursors: cursors.clone(),
        topics: cursors.clone(),
        opened: Box::new(Embedded {
            ledger,
            work: Some(work),
            views: Some(views),
            relay_cursors: Some(cursors),
            _lock: lock,
        }),
    })
}

/// Beside a process that serves from the directory, or without one.
pub(super) async fn for_erasing(config: &Config) -> Result<Erasing, Failure> {
    let ledger = SqliteLedger::open(&existing(config)?, None, new_ledger_id(&ids()?)).await?;
    let ledger = Arc::new(ledger);
    let views = views(config, ledger.identity().partitions).await?;
    let opened = Beside { ledger: ledger.clone(), views: views.clone() };
    Ok(Erasing { ledger: ledger.clone(), erasure: ledger, views, opened: Box::new(opened) })
}

/// Stores of a directory that another process may serve from.
struct Beside {
    ledger: Arc<SqliteLedger>,
    views: Arc<SqliteViews>,
}

#[async_trait]
impl Opened for Beside {
    async fn close(&self) {
        self.views.close().await;
        self.ledger.close().await;
    }
}

/// Says in the data directory that its ledger was restored, and is to be adopted before it serves.
pub(crate) fn mark_restored(config: &Config) -> Result<(), Failure> {
    let path = marker(config);
    let written = std::fs::write(&path, "run `daybook ledger adopt` before `daybook serve`\n");
    written.map_err(|error| Failure::dependency(&path.display().to_string(), &error))
}

/// The ledger was adopted.
pub(crate) fn forget_restored(config: &Config) -> Result<(), Failure> {
    let path = marker(config);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::dependency(&path.display().to_string(), &error))
        }
        _ => Ok(()),
    }
}

fn marker(config: &Config) -> PathBuf {
    config.data_dir.join("restored")
}

/// Copies the ledger as it stands at one moment to a file that is not there yet.
pub(crate) async fn copy_ledger(config: &Config, to: &Path) -> Result<(), Failure> {
    let path = existing(config)?;
    let ledger = SqliteLedger::open(&path, None, new_ledger_id(&ids()?)).await?;
    let copied = ledger.copy(to).await;
    ledger.close().await;
    Ok(copied?)
}

/// A copy of a ledger, to be closed.
pub(crate) async fn open_copy(path: &Path) -> Result<Arc<SqliteLedger>, Failure> {
    Ok(Arc::new(SqliteLedger::open(path, None, new_ledger_id(&ids()?)).await?))
}

pub(super) async fn views(config: &Config, partitions: u16) -> Result<Arc<SqliteViews>, Failure> {
    let path = config.data_dir.join("views.db");
    SqliteViews::open(&path, partitions).await.map(Arc::new).map_err(views_failure)
}

pub(super) async fn rebuild(
    config: &Config,
    partitions: u16,
    view: View,
) -> Result<Arc<dyn RebuildStore>, Failure> {
    let live = config.data_dir.join("views.db");
    let file = config.data_dir.join("rebuild.db");
    // Creates the views where there are none, so that there is something to replace.
    views(config, partitions).await?.close().await;
    let rebuild = SqliteRebuild::open(&live, &file, partitions, view).await;
    Ok(Arc::new(rebuild.map_err(views_failure)?))
}

/// They stand with the work rows.
pub(super) async fn relay_cursors(config: &Config) -> Result<Arc<SqliteRelayCursors>, Failure> {
    Ok(Arc::new(SqliteRelayCursors::open(&work_path(config)).await?))
}

pub(super) async fn readers(config: &Config) -> Result<ReaderStores, Failure> {
    let work = SqliteWork::open(&work_path(config), clock()).await?;
    Ok(ReaderStores::new(Arc::new(work), &relay_cursors(config).await?))
}

fn work_path(config: &Config) -> PathBuf {
    config.data_dir.join("work.db")
}

/// Where the ledger stands, or is to stand.
pub(crate) fn ledger_path(config: &Config) -> PathBuf {
    config.data_dir.join("ledger.db")
}
