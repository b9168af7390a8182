use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{EventId, LedgerId, PaymentId};
use daybook_engine::ledger::contract::{LedgerFixture, PARTITIONS};
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::ledger::{Append, Erasure, Ledger, NewEvent, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) struct SqliteFixture {
    pub(crate) ledger: Arc<SqliteLedger>,
    directory: TempDir,
}

pub(crate) async fn in_sqlite() -> SqliteFixture {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path().join("ledger.db"), Some(PARTITIONS)).await.unwrap();
    SqliteFixture { ledger: Arc::new(ledger), directory }
}

/// Opens a ledger file, with a new ledger id where it must be created.
pub(crate) async fn open(
    path: PathBuf,
    partitions: Option<u16>,
) -> Result<SqliteLedger, StoreError> {
    SqliteLedger::open(&path, partitions, LedgerId::from_uuid(Uuid::from_u128(1))).await
}

impl SqliteFixture {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("ledger.db")
    }

    /// A connection that knows nothing of daybook's settings, as any SQLite tool would open.
    pub(crate) async fn stranger(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.path())
            .foreign_keys(false)
            .pragma("recursive_triggers", "off");
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}

#[async_trait]
impl LedgerFixture for SqliteFixture {
    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.ledger) as Arc<dyn Ledger>
    }

    async fn elsewhere(&self) -> Arc<dyn Ledger> {
        Arc::new(open(self.path(), None).await.unwrap())
    }

    async fn erasure(&self) -> Arc<dyn Erasure> {
        Arc::new(open(self.path(), None).await.unwrap())
    }
}

/// An append of one event to the payment of that number, which lives in partition 0.
pub(crate) fn append(number: u64, version: u32) -> Append {
    let payment_id = PaymentId::from_uuid(Uuid::from_u64_pair(0, number));
    let event_id = EventId::from_uuid(Uuid::from_u64_pair(number, version.into()));
    let event = NewEvent { event_id, event_type: "payment.captured", data: "{}".to_owned() };
    Append {
        payment_id,
        first_version: version,
        events: vec![event],
        texts: Vec::new(),
        traceparent: None,
        recorded_at: Timestamp::from_millis(0),
    }
}
