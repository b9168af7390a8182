//! The views on Postgres, in the ledger's database or in another: rows and cursors in one transaction,
//! which begins by locking the cursors that it moves, in one order for everyone.

mod arrays;
mod columns;
mod cursors;
mod erasing;
mod forgetting;
mod packing;
mod parked;
mod rebuild;
pub(super) mod selecting;
mod snapshot;

pub use rebuild::PostgresRebuild;

pub(super) use arrays::insert;
pub(super) use columns::{PostgresColumns, failed};

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::durability::Durability;
use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::ledger::StoreError;
use daybook_engine::migration::Migration;
use daybook_engine::postgres::{Database, Migrator, PostgresSettings, Transaction};

use super::cursors::ALL as CURSORS;
use super::page::{Items, Page, PageQuery};
use super::texts::texts_of;
use super::{
    Applied, Attention, BalanceBody, Batch, DecodedEvent, ListedPayment, OperationBody,
    ParkedPayments, PaymentTexts, PostingBody, RefundBody, SettlementBody, SettlementLineBody,
    Unparked, Unparking, View, ViewCursors, ViewQueries, ViewStore, balances, journal, operations,
    payments, refunds, settlements, texts,
};
use crate::error::ViewError;
use crate::verify::ViewSnapshot;

/// The scripts that these views need.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 3,
        name: "views",
        sql: include_str!("../../../migrations/postgres/0003_views.sql"),
    },
    Migration {
        number: 5,
        name: "parked",
        sql: include_str!("../../../migrations/postgres/0005_parked.sql"),
    },
    Migration {
        number: 6,
        name: "feed",
        sql: include_str!("../../../migrations/postgres/0006_feed.sql"),
    },
    Migration {
        number: 7,
        name: "days",
        sql: include_str!("../../../migrations/postgres/0007_days.sql"),
    },
    Migration {
        number: 9,
        name: "rebuild",
        sql: include_str!("../../../migrations/postgres/0009_rebuild.sql"),
    },
    Migration {
        number: 10,
        name: "queries",
        sql: include_str!("../../../migrations/postgres/0010_queries.sql"),
    },
    Migration {
        number: 11,
        name: "analytics",
        sql: include_str!("../../../migrations/postgres/0011_analytics.sql"),
    },
    Migration {
        number: 13,
        name: "lists",
        sql: include_str!("../../../migrations/postgres/0013_lists.sql"),
    },
];

/// Of a read transaction: what is read in it belongs together.
const READING: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The views in one database.
#[derive(Debug)]
pub struct PostgresViews {
    database: Database,
    /// The one view that is folded, in a shadow; `None` where all are.
    only: Option<View>,
}

impl PostgresViews {
    /// Applies what is missing, and puts every view at the start of every partition; what it applied.
    ///
    /// # Errors
    /// When the schema can't be changed, or was made for a ledger with another number of partitions.
    pub async fn migrate(
        migrator: &mut Migrator,
        partitions: u16,
    ) -> Result<Vec<Migration>, ViewError> {
        let applied = migrator.apply(MIGRATIONS).await?;
        cursors::create(migrator.connection(), partitions).await?;
        Ok(applied)
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Database::connect`], or when the views are of a ledger with another number of partitions.
    pub async fn open(settings: &PostgresSettings, partitions: u16) -> Result<Self, ViewError> {
        let database = Database::connect("views", settings, Durability::Normal, MIGRATIONS).await?;
        let mut connection = database.connection().await?;
        let known = database.answered(sqlx::query(CURSORS).fetch_all(&mut connection)).await?;
        if !cursors::check(&known, partitions)? {
            return Err(ViewError::Store(StoreError::Refused(
                "the views have no cursors: run `daybook migrate` as the owner of the database"
                    .to_owned(),
            )));
        }
        Ok(Self { database, only: None })
    }

    /// Ends its connections. The last call of all.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl ViewStore for PostgresViews {
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
        // A transaction, so that a connection whose answer was lost ends with it.
        let mut reader = self.database.begin(READING).await?;
        let rows = reader.fetch_all(sqlx::query(CURSORS)).await.map_err(failed(View::Payments))?;
        reader.roll_back().await?;
        cursors::read(&rows)
    }

    /// Two of the server's processes, or one that works while the other waits.
    fn writers(&self) -> usize {
        2
    }

    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError> {
        if batches.is_empty() {
            return Ok(Applied::Moved);
        }
        let mut transaction = self
            .database
            .begin(&cursors::lock(batches.iter().map(|batch| batch.partition)))
            .await?;
        // Dropping the transaction on any way out but the last undoes it.
        if !cursors::advance(&mut transaction, batches).await? {
            transaction.roll_back().await?;
            return Ok(Applied::Superseded);
        }
        let parked = parked::hold(&mut transaction, batches).await?;
        let texts = texts_of(batches);
        for view in View::ALL.into_iter().filter(|view| self.only.is_none_or(|only| only == *view))
        {
            let new: Vec<_> =
                batches.iter().flat_map(|batch| batch.new_to(view, &parked)).collect();
            apply_view(&mut transaction, view, &new, &texts).await?;
            // A long fold must not keep this thread from the requests beside it.
            tokio::task::yield_now().await;
        }
        transaction.commit().await?;
        Ok(Applied::Moved)
    }

    async fn parked(&self) -> Result<ParkedPayments, ViewError> {
        let mut reader = self.database.begin(READING).await?;
        let rows = reader.fetch_all(parked::everything()).await.map_err(failed(View::Payments))?;
        reader.roll_back().await?;
        parked::read(&rows)
    }

    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError> {
        let mut reader = self.database.begin(READING).await?;
        let counts = parked::counts(&mut reader).await?;
        reader.roll_back().await?;
        Ok(counts)
    }

    async fn unpark(&self, unparking: Unparking<'_>) -> Result<Unparked, ViewError> {
        let Unparking { partition, payment_id, cursors, events, texts } = unparking;
        let mut transaction = self.database.begin(&cursors::lock([partition])).await?;
        let tx = &mut transaction;
        let known = tx.fetch_all(sqlx::query(CURSORS)).await.map_err(failed(View::Payments))?;
        let known = cursors::read(&known)?;
        if !known.contains(&(partition, cursors)) {
            transaction.roll_back().await?;
            return Ok(Unparked::Superseded);
        }
        let Some(parked) = parked::take(tx, partition, payment_id).await? else {
            transaction.roll_back().await?;
            return Ok(Unparked::NotParked);
        };
        for view in View::ALL {
            let left_out = parked.left_out(view, &cursors, events);
            apply_view(tx, view, &[left_out], texts).await?;
        }
        transaction.commit().await?;
        Ok(Unparked::Done)
    }

    async fn snapshot(&self, partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        Ok(Box::new(snapshot::PostgresSnapshot::begin(&self.database, partition).await?))
    }
}

async fn apply_view(
    tx: &mut Transaction<'_>,
    view: View,
    new: &[&[DecodedEvent]],
    texts: &PaymentTexts,
) -> Result<(), ViewError> {
    match view {
        View::Payments => payments::postgres::apply(tx, new).await,
        View::Settlements => settlements::postgres::apply(tx, new).await,
        View::Refunds => refunds::postgres::apply(tx, new).await,
        View::Balances => balances::postgres::apply(tx, new).await,
        View::Operations => operations::postgres::apply(tx, new).await,
        View::Journal => journal::postgres::apply(tx, new).await,
        View::Texts => texts::postgres::apply(tx, new, texts).await,
    }
}

impl PostgresViews {
    async fn page<T>(
        &self,
        query: &PageQuery,
        items: impl AsyncFnOnce(&mut Transaction<'_>) -> Result<Items<T>, ViewError>,
    ) -> Result<Page<T>, ViewError> {
        // Refused before anything is asked.
        query.key()?;
        // A request that goes away takes the connection with it, and never leaves it in here.
        let mut reader = self.database.begin(READING).await?;
        let positions = cursors::positions(&mut reader, query.views()).await?;
        let (items, next) = items(&mut reader).await?;
        reader.roll_back().await?;
        Ok(Page { items, next, positions })
    }
}

#[async_trait]
impl ViewQueries for PostgresViews {
    async fn positions(&self, query: &PageQuery) -> Result<Vec<(Partition, u64)>, ViewError> {
        let mut reader = self.database.begin(READING).await?;
        let positions = cursors::positions(&mut reader, query.views()).await?;
        reader.roll_back().await?;
        Ok(positions)
    }

    async fn payments(&self, query: &PageQuery) -> Result<Page<ListedPayment>, ViewError> {
        self.page(query, async |tx| payments::postgres::page(tx, query).await).await
    }

    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError> {
        self.page(query, async |tx| settlements::postgres::page(tx, query).await).await
    }

    async fn settlement_lines(
        &self,
        query: &PageQuery,
    ) -> Result<Page<SettlementLineBody>, ViewError> {
        self.page(query, async |tx| settlements::postgres::line_page(tx, query).await).await
    }

    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError> {
        self.page(query, async |tx| refunds::postgres::page(tx, query).await).await
    }

    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError> {
        self.page(query, async |tx| balances::postgres::page(tx, query).await).await
    }

    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationBody>, ViewError> {
        self.page(query, async |tx| operations::postgres::page(tx, query).await).await
    }

    async fn journal(&self, query: &PageQuery) -> Result<Page<PostingBody>, ViewError> {
        self.page(query, async |tx| journal::postgres::page(tx, query).await).await
    }
}

#[async_trait]
impl Attention for PostgresViews {
    async fn needing_people(
        &self,
        open_since: Timestamp,
        after: Option<OperationId>,
        limit: u32,
    ) -> Result<Vec<OperationBody>, ViewError> {
        let mut reader = self.database.begin(READING).await?;
        let found =
            operations::postgres::needing_people(&mut reader, open_since, after, limit).await?;
        reader.roll_back().await?;
        Ok(found)
    }
}
