//! The ledger in Postgres, which several processes share: each appends on a connection of its own,
//! and who moves a partition's head first has the lower positions.

mod acknowledgement;
mod adoption;
mod append;
mod create;
mod erasure;
mod insert;
mod read;
mod seals;
mod sessions;
mod turns;

use async_trait::async_trait;

use super::numbering::check;
use super::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use crate::durability::Durability;
use crate::event_text::EventText;
use crate::ids::{LedgerId, Partition, PaymentId};
use crate::migration::Migration;
use crate::postgres::{Database, Migrator, PostgresSettings};

const STORE: &str = "ledger";

/// The schema of the ledger.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "ledger",
        sql: include_str!("../../../migrations/postgres/0001_ledger.sql"),
    },
    Migration {
        number: 8,
        name: "seals",
        sql: include_str!("../../../migrations/postgres/0008_seals.sql"),
    },
    Migration {
        number: 12,
        name: "acknowledged",
        sql: include_str!("../../../migrations/postgres/0012_acknowledged.sql"),
    },
];

/// The ledger in one Postgres database.
#[derive(Debug)]
pub struct PostgresLedger {
    database: Database,
    identity: LedgerIdentity,
    incarnations: Incarnations,
    appender: append::Appender,
}

impl PostgresLedger {
    /// Applies the migrations that are missing (they are returned) and, where there is no ledger
    /// yet, creates it with `new_id`, incarnation 1 and the given number of partitions (1 to 1024;
    /// [`super::DEFAULT_PARTITIONS`] where none is given).
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the ledger was created with another number of partitions, or
    /// needs a later build; else when the schema can't be changed.
    pub async fn migrate(
        migrator: &mut Migrator,
        partitions: Option<u16>,
        new_id: LedgerId,
    ) -> Result<(LedgerIdentity, Vec<Migration>), StoreError> {
        let applied = migrator.apply(MIGRATIONS).await?;
        let identity = create::find_or_create(migrator, partitions, new_id).await?;
        Ok((identity, applied))
    }

    /// Opens a ledger that was created by [`PostgresLedger::migrate`]; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where there is none, where it was created with another number of
    /// partitions, or where the database is not safe to use; [`StoreError::Unavailable`] where it
    /// can't be reached.
    pub async fn open(
        settings: &PostgresSettings,
        partitions: Option<u16>,
    ) -> Result<Self, StoreError> {
        let database = Database::connect(STORE, settings, Durability::Full, MIGRATIONS).await?;
        let identity = create::find(&database, partitions).await?;
        let incarnations = create::incarnations(&database).await?;
        Ok(Self { database, identity, incarnations, appender: append::Appender::default() })
    }

    /// Ends its connections. The last call of all: what is asked later fails.
    pub async fn close(&self) {
        self.database.close().await;
        self.appender.close().await;
    }

    fn partition_of(&self, payment_id: PaymentId) -> Partition {
        payment_id.partition(self.identity.partitions)
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    fn identity(&self) -> LedgerIdentity {
        self.identity
    }

    fn incarnations(&self) -> &Incarnations {
        &self.incarnations
    }

    fn batches_under_way(&self) -> usize {
        self.appender.batches_under_way()
    }

    async fn wait_for_turn(&self) {
        self.appender.wait_for_turn(&self.database).await;
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

    async fn digests(&self, stretches: &[Stretch]) -> Result<Vec<[u8; 32]>, StoreError> {
        read::digests(&self.database, stretches).await
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
