//! The composition root: the only place that names every adapter.

mod acquirer;
mod kafka;
mod lock;
mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::ids::{Ids, LedgerId};
use daybook_engine::lease::LeaseStore;
use daybook_engine::ledger::{Acknowledgements, Adoption, Erasure, Ledger};
use daybook_engine::seal::SealStore;
use daybook_engine::work::{ForgetWork, WorkStore};
use daybook_projections::rebuild::RebuildStore;
use daybook_projections::views::{Attention, EraseViewTexts, ForgetViews};
use daybook_projections::{View, ViewError, ViewQueries, ViewStore};
use daybook_relay::cursors::{KnownTopics, RelayCursors};

use crate::cli::Failure;
use crate::config::{Config, Role};

pub(crate) use acquirer::{acquirer, acquirer_desk};
pub(crate) use kafka::broker;
pub(crate) use postgres::migrate as migrate_postgres;
pub(crate) use sqlite::{copy_ledger, forget_restored, ledger_path, mark_restored, open_copy};

/// Where the time comes from in this process.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

pub(crate) fn ids() -> Result<Ids, Failure> {
    Ids::from_system(clock()).map_err(|error| Failure::dependency("randomness", &error))
}

fn new_ledger_id(ids: &Ids) -> LedgerId {
    LedgerId::from_uuid(ids.event_id().uuid())
}

/// The views of one database, to write and to read.
#[derive(Clone)]
pub(crate) struct Views {
    pub(crate) store: Arc<dyn ViewStore>,
    pub(crate) queries: Arc<dyn ViewQueries>,
    pub(crate) attention: Arc<dyn Attention>,
}

impl Views {
    fn new<V: ViewStore + ViewQueries + Attention>(views: &Arc<V>) -> Self {
        Self { store: views.clone(), queries: views.clone(), attention: views.clone() }
    }
}

/// The stores that a process's roles need.
pub(crate) struct Stores {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) seals: Arc<dyn SealStore>,
    /// For workers.
    pub(crate) work: Option<Arc<dyn WorkStore>>,
    /// For the API and projections.
    pub(crate) views: Option<Views>,
    /// For the relay.
    pub(crate) relay_cursors: Option<Arc<dyn RelayCursors>>,
    /// Where processes share partitions; `None` where there is only this one.
    pub(crate) leases: Option<Arc<dyn LeaseStore>>,
    opened: Box<dyn Opened>,
}

/// What is to be closed when the process ends.
#[async_trait]
pub(crate) trait Opened: Send + Sync {
    async fn close(&self);
}

impl Stores {
    /// Opens the stores; SQLite's for this process alone, creating what is missing.
    pub(crate) async fn open(config: &Config, ids: &Ids) -> Result<Self, Failure> {
        match &config.databases {
            Some(databases) => postgres::open(config, databases, ids).await,
            None => sqlite::open(config, ids).await,
        }
    }

    pub(crate) async fn close(&self) {
        self.opened.close().await;
    }
}

impl Config {
    fn needs_work(&self) -> bool {
        self.has_role(Role::Workers)
    }

    fn needs_views(&self) -> bool {
        self.has_role(Role::Api) || self.has_role(Role::Projections)
    }

    fn needs_relay(&self) -> bool {
        self.has_role(Role::Relay)
    }
}

/// The relay's cursors for a command, beside a running `serve` or without one.
pub(crate) async fn open_relay_cursors(config: &Config) -> Result<Arc<dyn RelayCursors>, Failure> {
    match &config.databases {
        Some(databases) => Ok(postgres::relay_cursors(databases).await?),
        None => Ok(sqlite::relay_cursors(config).await?),
    }
}

/// What remembers how far the ledger's other readers are.
#[derive(Clone)]
pub(crate) struct ReaderStores {
    pub(crate) work: Arc<dyn WorkStore>,
    pub(crate) cursors: Arc<dyn RelayCursors>,
    pub(crate) topics: Arc<dyn KnownTopics>,
}

impl ReaderStores {
    fn new<C: RelayCursors + KnownTopics>(work: Arc<dyn WorkStore>, cursors: &Arc<C>) -> Self {
        Self { work, cursors: cursors.clone(), topics: cursors.clone() }
    }
}

/// The stores of workers and relay for a command that only reads, beside a running `serve` or without
/// one.
pub(crate) async fn open_readers(config: &Config) -> Result<ReaderStores, Failure> {
    match &config.databases {
        Some(databases) => postgres::readers(databases).await,
        None => sqlite::readers(config).await,
    }
}

/// A ledger with its seals, and with what people have seen of it.
#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) seals: Arc<dyn SealStore>,
    pub(crate) acknowledgements: Arc<dyn Acknowledgements>,
}

impl Book {
    pub(crate) fn new<L: Ledger + SealStore + Acknowledgements>(ledger: Arc<L>) -> Self {
        Self { ledger: ledger.clone(), seals: ledger.clone(), acknowledgements: ledger }
    }
}

/// A shadow for a view, beside the ones that are read.
pub(crate) async fn open_rebuild(
    config: &Config,
    partitions: u16,
    view: View,
) -> Result<Arc<dyn RebuildStore>, Failure> {
    match &config.databases {
        Some(databases) => postgres::rebuild(databases, partitions, view).await,
        None => sqlite::rebuild(config, partitions, view).await,
    }
}

/// What a restored ledger is adopted with.
pub(crate) struct Adopting {
    pub(crate) book: Book,
    pub(crate) adoption: Arc<dyn Adoption>,
    pub(crate) work: Arc<dyn ForgetWork>,
    pub(crate) view_store: Arc<dyn ViewStore>,
    pub(crate) views: Arc<dyn ForgetViews>,
    pub(crate) cursors: Arc<dyn RelayCursors>,
    pub(crate) topics: Arc<dyn KnownTopics>,
    opened: Box<dyn Opened>,
}

impl Adopting {
    pub(crate) async fn close(&self) {
        self.opened.close().await;
    }
}

/// Everything of a ledger that nothing serves from.
///
/// # Errors
/// Where something does.
pub(crate) async fn open_for_adoption(config: &Config) -> Result<Adopting, Failure> {
    match &config.databases {
        Some(databases) => postgres::for_adoption(databases).await,
        None => sqlite::for_adoption(config).await,
    }
}

/// What texts are erased with.
pub(crate) struct Erasing {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) erasure: Arc<dyn Erasure>,
    pub(crate) views: Arc<dyn EraseViewTexts>,
    pub(crate) opened: Box<dyn Opened>,
}

/// Ledger and views for erasing, beside a running `serve` or without one.
pub(crate) async fn open_for_erasing(config: &Config) -> Result<Erasing, Failure> {
    match &config.databases {
        Some(databases) => postgres::for_erasing(databases).await,
        None => sqlite::for_erasing(config).await,
    }
}

/// The ledger for a command that only reads, beside a running `serve` or without one.
pub(crate) async fn open_ledger_to_read(config: &Config) -> Result<Arc<dyn Ledger>, Failure> {
    Ok(open_book(config).await?.ledger)
}

/// As [`open_ledger_to_read`], with its seals.
pub(crate) async fn open_book(config: &Config) -> Result<Book, Failure> {
    match &config.databases {
        Some(databases) => postgres::book(databases).await,
        None => sqlite::book_to_read(config).await,
    }
}

pub(crate) async fn open_views(config: &Config, partitions: u16) -> Result<Views, Failure> {
    match &config.databases {
        Some(databases) => Ok(Views::new(&postgres::views(databases, partitions).await?)),
        None => Ok(Views::new(&sqlite::views(config, partitions).await?)),
    }
}

/// A view store that can't be opened: refused for a reason, or out of reach.
fn views_failure(error: ViewError) -> Failure {
    match error {
        ViewError::Store(error) => error.into(),
        error => Failure::dependency("the views", &error),
    }
}
