//! The ledger in SQLite: one file, one writer, commits synced before they are answered.
//!
//! An append is one transaction in one trip to the connection's thread.

mod acknowledgement;
mod adoption;
mod append;
mod copy;
mod create;
mod erasure;
mod insert;
mod read;
mod seals;

use std::path::Path;

use async_trait::async_trait;

use super::numbering::check;
use super::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use crate::durability::Durability;
use crate::event_text::EventText;
use crate::ids::{LedgerId, Partition, PaymentId};
use crate::migration::Migration;
use crate::sqlite::Database;

const STORE: &str = "ledger";

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "ledger",
        sql: include_str!("../../../migrations/sqlite/0001_ledger.sql"),
    },
    Migration {
        number: 8,
        name: "seals",
        sql: include_str!("../../../migrations/sqlite/0008_seals.sql"),
    },
    Migration {
        number: 12,
        name: "acknowledged",
        sql: include_str!("../../../migrations/sqlite/0012_acknowledged.sql"),
    },
];

/// The ledger in one SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    database: Database,
    identity: LedgerIdentity,
    incarnations: Incarnations,
    appender: append::Appender,
}

impl SqliteLedger {
    /// Opens the ledger, or creates it with `new_id`, incarnation 1 and the given number of
    /// partitions (1 to 1024; [`super::DEFAULT_PARTITIONS`] where none is given).
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the ledger was created with another number of partitions, or
    /// needs a later build; else when the file can't be used.
    pub async fn open(
        path: &Path,
        partitions: Option<u16>,
        new_id: LedgerId,
    ) -> Result<Self, StoreError> {
        let database = Database::open(STORE, path, Durability::Full, MIGRATIONS).await?;
        let identity = create::find_or_create(&database, partitions, new_id).await?;
        let incarnations = create::incarnations(&database).await?;
        Ok(Self { database, identity, incarnations, appender: append::Appender::default() })
    }

    /// Writes the log into the file. The last call of all: what is read later fails.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn partition_of(&self, payment_id: PaymentId) -> Partition {
        payment_id.partition(self.identity.partitions)
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    fn identity(&self) -> LedgerIdentity {
        self.identity
    }

    fn incarnations(&self) -> &Incarnations {
        &self.incarnations
    }

    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        check(batch)?;
        self.appender.append(&self.database, self.identity.partitions, batch).await
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        check(batch)?;
        self.appender.append_tolerant(&self.database, self.identity.partitions, batch).await
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        read::load(&self.database, self.partition_of(payment_id), payment_id).await
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        read::texts(&self.database, self.partition_of(payment_id), payment_id).await
    }

    async fn texts_of(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
        let wanted =
            payments.iter().map(|payment_id| (self.partition_of(*payment_id), *payment_id));
        read::texts_of(&self.database, wanted).await
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        read::read(&self.database, stretches).await
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        read::read_by_payment(&self.database, partition, after, limit).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        read::heads(&self.database).await
    }
}
