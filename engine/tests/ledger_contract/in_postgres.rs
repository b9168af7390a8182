use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::LedgerId;
use daybook_engine::ledger::contract::{LedgerFixture, PARTITIONS};
use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::ledger::{Erasure, Ledger, LedgerIdentity, StoreError};
use daybook_engine::postgres::scratch::ScratchDatabase;
use daybook_engine::postgres::{Migrator, PostgresSettings};
use uuid::Uuid;

/// A ledger that is used by the role that serves, in a database of its own.
pub(crate) struct PostgresFixture {
    pub(crate) ledger: Arc<PostgresLedger>,
    pub(crate) database: ScratchDatabase,
}

pub(crate) async fn in_postgres() -> PostgresFixture {
    let database = ScratchDatabase::create().await;
    migrate(&database, Some(PARTITIONS)).await.unwrap();
    database.grant().await;
    let ledger = open(&database.server_settings()).await.unwrap();
    PostgresFixture { ledger: Arc::new(ledger), database }
}

/// Migrates as the owner, with a new ledger id where the ledger must be created.
pub(crate) async fn migrate(
    database: &ScratchDatabase,
    partitions: Option<u16>,
) -> Result<LedgerIdentity, StoreError> {
    let mut migrator = Migrator::connect(&database.owner_settings()).await?;
    let id = LedgerId::from_uuid(Uuid::from_u128(1));
    let migrated = PostgresLedger::migrate(&mut migrator, partitions, id).await;
    migrated.map(|(identity, _)| identity)
}

pub(crate) async fn open(settings: &PostgresSettings) -> Result<PostgresLedger, StoreError> {
    PostgresLedger::open(settings, None).await
}

#[async_trait]
impl LedgerFixture for PostgresFixture {
    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.ledger) as Arc<dyn Ledger>
    }

    async fn elsewhere(&self) -> Arc<dyn Ledger> {
        Arc::new(open(&self.database.server_settings()).await.unwrap())
    }

    async fn erasure(&self) -> Arc<dyn Erasure> {
        Arc::new(open(&self.database.owner_settings()).await.unwrap())
    }
}
