//! Everything in Postgres, for any number of processes.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::Ids;
use daybook_engine::lease::LeaseStore;
use daybook_engine::lease::postgres::PostgresLeases;
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::migration::Migration;
use daybook_engine::postgres::{DatabaseUrl, Migrator};
use daybook_engine::work::WorkStore;
use daybook_engine::work::postgres::PostgresWork;
use daybook_projections::View;
use daybook_projections::rebuild::RebuildStore;
use daybook_projections::views::postgres::{PostgresRebuild, PostgresViews};
use daybook_relay::cursors::RelayCursors;
use daybook_relay::cursors::postgres::PostgresRelayCursors;

use super::{
    Adopting, Book, Erasing, Opened, ReaderStores, Stores, Views, ids, new_ledger_id, views_failure,
};
use crate::cli::Failure;
use crate::config::{Config, Databases};

struct Shared {
    ledger: Arc<PostgresLedger>,
    work: Option<Arc<PostgresWork>>,
    views: Option<Arc<PostgresViews>>,
    relay_cursors: Option<Arc<PostgresRelayCursors>>,
    leases: Arc<PostgresLeases>,
}

#[async_trait]
impl Opened for Shared {
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
        self.leases.close().await;
        self.ledger.close().await;
    }
}

pub(super) async fn open(
    config: &Config,
    databases: &Databases,
    ids: &Ids,
) -> Result<Stores, Failure> {
    if config.migrate {
        for (migration, url) in apply(databases, config.partitions, ids).await? {
            tracing::info!(%migration, %url, "applied");
        }
    }
    let ledger = Arc::new(PostgresLedger::open(&databases.ledger, config.partitions).await?);
    let work = match config.needs_work() {
        true => Some(Arc::new(PostgresWork::open(&databases.ledger).await?)),
        false => None,
    };
    let views = match config.needs_views() {
        true => Some(views(databases, ledger.identity().partitions).await?),
        false => None,
    };
    let relay_cursors = match config.needs_relay() {
        true => Some(relay_cursors(databases).await?),
        false => None,
    };
    let leases = Arc::new(PostgresLeases::open(&databases.ledger).await?);
    Ok(Stores {
        ledger: ledger.clone(),
        seals: ledger.clone(),
        work: work.clone().map(|work| work as Arc<dyn WorkStore>),
        views: views.as_ref().map(Views::new),
        relay_cursors: relay_cursors.clone().map(|cursors| cursors as Arc<dyn RelayCursors>),
        leases: Some(leases.clone() as Arc<dyn LeaseStore>),
        opened: Box::new(Shared { ledger, work, views, relay_cursors, leases }),
    })
}

pub(super) async fn book(databases: &Databases) -> Result<Book, Failure> {
    Ok(Book::new(Arc::new(PostgresLedger::open(&databases.ledger, None).await?)))
}

/// Refused while a process holds a lease; one that serves the API alone holds none.
pub(super) async fn for_adoption(databases: &Databases) -> Result<Adopting, Failure> {
    let leases = PostgresLeases::open(&databases.ledger).await?;
    let holders = leases.live_holders().await;
    leases.close().await;
    let holders = holders?;
    if holders > 0 {
        return Err(Failure::Usage(format!(
            "{holders} processes work on this ledger: stop every daybook of it, those that serve the \
             API too, wait ten seconds, and adopt it again"
        )));
    }
    let ledger = Arc::new(PostgresLedger::open(&databases.ledger, None).await?);
    let work = Arc::new(PostgresWork::open(&databases.ledger).await?);
    let views = views(databases, ledger.identity().partitions).await?;
    let cursors = relay_cursors(databases).await?;
    let leases = Arc::new(PostgresLeases::open(&databases.ledger).await?);
    Ok(Adopting {
        book: Book::new(ledger.clone()),
        adoption: ledger.clone(),
        work: work.clone(),
        view_store: views.clone(),
        views: views.clone(),
        cursors: cursors.clone(),
        topics: cursors.clone(),
        opened: Box::new(Shared {
            ledger,
            work: Some(work),
            views: Some(views),
            relay_cursors: Some(cursors),
            leases,
        }),
    })
}

/// As the owner of the ledger; beside any number of processes.
pub(super) async fn for_erasing(databases: &Databases) -> Result<Erasing, Failure> {
    let ledger = Arc::new(PostgresLedger::open(&databases.ledger, None).await?);
    let views = views(databases, ledger.identity().partitions).await?;
    let opened = Beside { ledger: ledger.clone(), views: views.clone() };
    Ok(Erasing { ledger: ledger.clone(), erasure: ledger, views, opened: Box::new(opened) })
}

/// Stores that other processes may serve from.
struct Beside {
    ledger: Arc<PostgresLedger>,
    views: Arc<PostgresViews>,
}

#[async_trait]
impl Opened for Beside {
    async fn close(&self) {
        self.views.close().await;
        self.ledger.close().await;
    }
}

pub(super) async fn rebuild(
    databases: &Databases,
    partitions: u16,
    view: View,
) -> Result<Arc<dyn RebuildStore>, Failure> {
    let rebuild = PostgresRebuild::open(&databases.views, partitions, view).await;
    Ok(Arc::new(rebuild.map_err(views_failure)?))
}

pub(super) async fn views(
    databases: &Databases,
    partitions: u16,
) -> Result<Arc<PostgresViews>, Failure> {
    PostgresViews::open(&databases.views, partitions).await.map(Arc::new).map_err(views_failure)
}

pub(super) async fn relay_cursors(
    databases: &Databases,
) -> Result<Arc<PostgresRelayCursors>, Failure> {
    Ok(Arc::new(PostgresRelayCursors::open(&databases.ledger).await?))
}

pub(super) async fn readers(databases: &Databases) -> Result<ReaderStores, Failure> {
    let work = PostgresWork::open(&databases.ledger).await?;
    Ok(ReaderStores::new(Arc::new(work), &relay_cursors(databases).await?))
}

/// Brings the schema up to date and creates the ledger where there is none; what was applied, and
/// where.
///
/// # Errors
/// When a database can't be reached, or the role may not change it.
pub(crate) async fn migrate(
    config: &Config,
    databases: &Databases,
) -> Result<Vec<(Migration, DatabaseUrl)>, Failure> {
    apply(databases, config.partitions, &ids()?).await
}

async fn apply(
    databases: &Databases,
    partitions: Option<u16>,
    ids: &Ids,
) -> Result<Vec<(Migration, DatabaseUrl)>, Failure> {
    let mut migrator = Migrator::connect(&databases.ledger).await?;
    let new_id = new_ledger_id(ids);
    let (identity, ledger) = PostgresLedger::migrate(&mut migrator, partitions, new_id).await?;
    let work = PostgresWork::migrate(&mut migrator, identity.partitions).await?;
    let relay = PostgresRelayCursors::migrate(&mut migrator).await?;
    // The next may be another session in the same database, which waits for this one's lock.
    drop(migrator);
    let mut migrator = Migrator::connect(&databases.views).await?;
    let views = PostgresViews::migrate(&mut migrator, identity.partitions).await;
    let views = views.map_err(views_failure)?;
    let named = |migrations: Vec<Migration>, url: &DatabaseUrl| {
        let url = url.clone();
        migrations.into_iter().map(move |migration| (migration, url.clone()))
    };
    let applied = named(ledger, &databases.ledger.url)
        .chain(named(work, &databases.ledger.url))
        .chain(named(relay, &databases.ledger.url))
        .chain(named(views, &databases.views.url));
    Ok(applied.collect())
}
