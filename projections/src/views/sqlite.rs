//! The views on SQLite: one file, one writing connection, rows and cursors in one transaction.

mod columns;
mod cursors;
mod erasing;
mod forgetting;
mod packing;
mod parked;
mod rebuild;
pub(super) mod selecting;
mod snapshot;

pub use rebuild::SqliteRebuild;

pub(super) use columns::{SqliteColumns, failed};

use std::path::Path;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::durability::Durability;
use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::migration::Migration;
use daybook_engine::sqlite::Database;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection, Transaction};

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

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 3,
        name: "views",
        sql: include_str!("../../../migrations/sqlite/0003_views.sql"),
    },
    Migration {
        number: 5,
        name: "parked",
        sql: include_str!("../../../migrations/sqlite/0005_parked.sql"),
    },
    Migration {
        number: 6,
        name: "feed",
        sql: include_str!("../../../migrations/sqlite/0006_feed.sql"),
    },
    Migration {
        number: 7,
        name: "days",
        sql: include_str!("../../../migrations/sqlite/0007_days.sql"),
    },
    Migration {
        number: 9,
        name: "rebuild",
        sql: include_str!("../../../migrations/sqlite/0009_rebuild.sql"),
    },
    Migration {
        number: 10,
        name: "queries",
        sql: include_str!("../../../migrations/sqlite/0010_queries.sql"),
    },
    Migration {
        number: 11,
        name: "analytics",
        sql: include_str!("../../../migrations/sqlite/0011_analytics.sql"),
    },
    Migration {
        number: 13,
        name: "lists",
        sql: include_str!("../../../migrations/sqlite/0013_lists.sql"),
    },
];

/// `views.db`.
#[derive(Debug)]
pub struct SqliteViews {
    database: Database,
    /// The one view that is folded, in a shadow; `None` where all are.
    only: Option<View>,
}

impl SqliteViews {
    /// Opens the file, or creates it with every view at the start of every partition.
    ///
    /// # Errors
    /// When it can't be opened, or was made for a ledger with another number of partitions.
    pub async fn open(path: &Path, partitions: u16) -> Result<Self, ViewError> {
        let database = Database::open("views", path, Durability::Normal, MIGRATIONS).await?;
        {
            let mut writer = database.writer().await;
            cursors::create(&mut writer, partitions).await?;
        }
        Ok(Self { database, only: None })
    }

    /// Writes what the log holds into the file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// A read transaction: all that is read in it belongs together.
    async fn reading(&self, view: View) -> Result<Transaction<'static, Sqlite>, ViewError> {
        self.database.readers().begin().await.map_err(failed(view))
    }
}

#[async_trait]
impl ViewStore for SqliteViews {
    async fn cursors(&self) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
        let mut reader = self.reading(View::Payments).await?;
        cursors::all(&mut reader).await
    }

    /// The file has one writer.
    fn writers(&self) -> usize {
        1
    }

    async fn apply(&self, batches: &[Batch]) -> Result<Applied, ViewError> {
        let mut writer = self.database.writer().await;
        let begun = writer.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = begun.map_err(failed(View::Payments))?;
        // Dropping the transaction on any way out but the last rolls it back.
        if !cursors::advance(&mut tx, batches).await? {
            return Ok(Applied::Superseded);
        }
        let parked = parked::hold(&mut tx, batches).await?;
        let texts = texts_of(batches);
        for view in View::ALL.into_iter().filter(|view| self.only.is_none_or(|only| only == *view))
        {
            let new: Vec<_> =
                batches.iter().flat_map(|batch| batch.new_to(view, &parked)).collect();
            apply_view(&mut tx, view, &new, &texts).await?;
            // A long fold must not keep this thread from the requests beside it.
            tokio::task::yield_now().await;
        }
        tx.commit().await.map_err(failed(View::Payments))?;
        Ok(Applied::Moved)
    }

    async fn parked(&self) -> Result<ParkedPayments, ViewError> {
        let mut reader = self.reading(View::Payments).await?;
        parked::all(&mut reader).await
    }

    async fn parked_counts(&self) -> Result<Vec<(Partition, u64)>, ViewError> {
        let mut reader = self.reading(View::Payments).await?;
        parked::counts(&mut reader).await
    }

    async fn unpark(&self, unparking: Unparking<'_>) -> Result<Unparked, ViewError> {
        let Unparking { partition, payment_id, cursors, events, texts } = unparking;
        let mut writer = self.database.writer().await;
        let begun = writer.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = begun.map_err(failed(View::Payments))?;
        let known = cursors::all(&mut tx).await?;
        if !known.contains(&(partition, cursors)) {
            return Ok(Unparked::Superseded);
        }
        let Some(parked) = parked::take(&mut tx, partition, payment_id).await? else {
            return Ok(Unparked::NotParked);
        };
        for view in View::ALL {
            let left_out = parked.left_out(view, &cursors, events);
            apply_view(&mut tx, view, &[left_out], texts).await?;
        }
        tx.commit().await.map_err(failed(View::Payments))?;
        Ok(Unparked::Done)
    }

    async fn snapshot(&self, partition: Partition) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        let reader = self.reading(View::Payments).await?;
        Ok(Box::new(snapshot::SqliteSnapshot::begin(reader, partition).await?))
    }
}

async fn apply_view(
    tx: &mut SqliteConnection,
    view: View,
    new: &[&[DecodedEvent]],
    texts: &PaymentTexts,
) -> Result<(), ViewError> {
    match view {
        View::Payments => payments::sqlite::apply(tx, new).await,
        View::Settlements => settlements::sqlite::apply(tx, new).await,
        View::Refunds => refunds::sqlite::apply(tx, new).await,
        View::Balances => balances::sqlite::apply(tx, new).await,
        View::Operations => operations::sqlite::apply(tx, new).await,
        View::Journal => journal::sqlite::apply(tx, new).await,
        View::Texts => texts::sqlite::apply(tx, new, texts).await,
    }
}

impl SqliteViews {
    async fn page<T>(
        &self,
        query: &PageQuery,
        items: impl AsyncFnOnce(&mut SqliteConnection) -> Result<Items<T>, ViewError>,
    ) -> Result<Page<T>, ViewError> {
        // Refused before anything is asked.
        query.key()?;
        let mut reader = self.reading(query.list.view).await?;
        let positions = cursors::positions(&mut reader, query.views()).await?;
        let (items, next) = items(&mut reader).await?;
        Ok(Page { items, next, positions })
    }
}

#[async_trait]
impl ViewQueries for SqliteViews {
    async fn positions(&self, query: &PageQuery) -> Result<Vec<(Partition, u64)>, ViewError> {
        let mut reader = self.reading(query.list.view).await?;
        cursors::positions(&mut reader, query.views()).await
    }

    async fn payments(&self, query: &PageQuery) -> Result<Page<ListedPayment>, ViewError> {
        self.page(query, async |tx| payments::sqlite::page(tx, query).await).await
    }

    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError> {
        self.page(query, async |tx| settlements::sqlite::page(tx, query).await).await
    }

    async fn settlement_lines(
        &self,
        query: &PageQuery,
    ) -> Result<Page<SettlementLineBody>, ViewError> {
        self.page(query, async |tx| settlements::sqlite::line_page(tx, query).await).await
    }

    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError> {
        self.page(query, async |tx| refunds::sqlite::page(tx, query).await).await
    }

    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError> {
        self.page(query, async |tx| balances::sqlite::page(tx, query).await).await
    }

    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationBody>, ViewError> {
        self.page(query, async |tx| operations::sqlite::page(tx, query).await).await
    }

    async fn journal(&self, query: &PageQuery) -> Result<Page<PostingBody>, ViewError> {
        self.page(query, async |tx| journal::sqlite::page(tx, query).await).await
    }
}

#[async_trait]
impl Attention for SqliteViews {
    async fn needing_people(
        &self,
        open_since: Timestamp,
        after: Option<OperationId>,
        limit: u32,
    ) -> Result<Vec<OperationBody>, ViewError> {
        let mut reader = self.reading(View::Operations).await?;
        operations::sqlite::needing_people(&mut reader, open_since, after, limit).await
    }
}
