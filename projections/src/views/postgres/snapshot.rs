//! One partition's rows in one read transaction: for the check against the ledger.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::postgres::Database;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor};

use super::columns::failed;
use super::{cursors, packing, parked};
use crate::error::ViewError;
use crate::verify::{Packed, PackedRow, ViewSnapshot};
use crate::views::cursors::ALL as CURSORS;
use crate::views::row::{Cell, Key, Table};
use crate::views::{ParkedPayments, ViewCursors};

/// Of a read transaction that is kept open to the end of the check.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) struct PostgresSnapshot {
    database: Database,
    /// Of its own, inside a transaction that ends with it.
    reader: PgConnection,
    partition: Partition,
    cursors: ViewCursors,
    parked: ParkedPayments,
}

impl PostgresSnapshot {
    pub(super) async fn begin(
        database: &Database,
        partition: Partition,
    ) -> Result<Self, ViewError> {
        let mut reader = database.connection().await?;
        database.answered(reader.execute(BEGIN_READING)).await?;
        // The ledger is walked while it stands open.
        let patient = "SET LOCAL idle_in_transaction_session_timeout = 0";
        database.answered(reader.execute(patient)).await?;
        let rows = database.answered(sqlx::query(CURSORS).fetch_all(&mut reader)).await?;
        let all = cursors::read(&rows)?;
        let own = all.into_iter().find(|(known, _)| *known == partition);
        let cursors = own.map(|(_, cursors)| cursors).unwrap_or_default();
        let parked = database.answered(parked::everything().fetch_all(&mut reader)).await?;
        let parked = parked::read(&parked)?;
        Ok(Self { database: database.clone(), reader, partition, cursors, parked })
    }

    async fn rows(
        &mut self,
        table: &Table,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PackedRow>, ViewError> {
        let rows = self.database.in_time(query.fetch_all(&mut self.reader)).await;
        let rows = rows.map_err(failed(table.view))?;
        let packed = rows.iter().map(|row| packing::packed(table, row));
        packed.collect::<Result<_, _>>().map_err(failed(table.view))
    }

    async fn counted(&mut self, table: &Table, sql: String, number: i32) -> Result<u64, ViewError> {
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(number);
        let count = self.database.in_time(query.fetch_one(&mut self.reader)).await;
        let count: i64 = count.map_err(failed(table.view))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn partition(&self) -> i32 {
        self.partition.number().into()
    }
}

const fn key_column(table: &Table) -> &'static str {
    table.columns[1]
}

#[async_trait]
impl ViewSnapshot for PostgresSnapshot {
    fn cursors(&self) -> ViewCursors {
        self.cursors
    }

    fn parked(&self) -> &ParkedPayments {
        &self.parked
    }

    async fn packed(
        &mut self,
        table: &'static Table,
        keys: &[Cell<'static>],
    ) -> Result<Vec<PackedRow>, ViewError> {
        let array = if table.key == Key::Id { "uuid" } else { "int8" };
        // Every name in the statement is a constant of this crate.
        let statement = format!(
            "SELECT {} FROM {} WHERE partition = $1 AND {} = ANY($2::{array}[])",
            packing::columns(table),
            table.name,
            key_column(table)
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(self.partition());
        let (mut ids, mut positions) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                Cell::Id(id) => ids.push(*id),
                Cell::Integer(position) => positions.push(*position),
                _ => {}
            }
        }
        let query = if table.key == Key::Id { query.bind(ids) } else { query.bind(positions) };
        self.rows(table, query).await
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, ViewError> {
        let sql = format!("SELECT count(*) FROM {} WHERE partition = $1", table.name);
        self.counted(table, sql, self.partition()).await
    }

    async fn outside(&mut self, table: &'static Table, partitions: u16) -> Result<u64, ViewError> {
        let name = table.name;
        let sql = format!(
            "SELECT (SELECT count(*) FROM {name} WHERE partition < 0)
                 + (SELECT count(*) FROM {name} WHERE partition >= $1)"
        );
        self.counted(table, sql, partitions.into()).await
    }

    async fn after(
        &mut self,
        table: &'static Table,
        row: Option<&PackedRow>,
        limit: u32,
    ) -> Result<Vec<PackedRow>, ViewError> {
        let column = key_column(table);
        let key = row.and_then(PackedRow::key);
        let after = if key.is_some() { format!("AND {column} > $3") } else { String::new() };
        let statement = format!(
            "SELECT {} FROM {name} WHERE partition = $1 AND {column} IN (
                 SELECT DISTINCT {column} FROM {name} WHERE partition = $1 {after}
                 ORDER BY {column} LIMIT $2)
             ORDER BY {column}",
            packing::columns(table),
            name = table.name
        );
        let query =
            sqlx::query(AssertSqlSafe(statement)).bind(self.partition()).bind(i64::from(limit));
        let query = match key {
            Some(Packed::Id(id)) => query.bind(id),
            Some(Packed::Integer(position)) => query.bind(position),
            // No key column of Postgres holds any other.
            _ => query,
        };
        self.rows(table, query).await
    }

    async fn all(&mut self, table: &'static Table) -> Result<Vec<PackedRow>, ViewError> {
        let columns = packing::columns(table);
        let statement = format!("SELECT {columns} FROM {} WHERE partition = $1", table.name);
        let query = sqlx::query(AssertSqlSafe(statement)).bind(self.partition());
        self.rows(table, query).await
    }
}
