//! One partition's rows, as literals, in one read transaction: for the check against the ledger.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::postgres::Database;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, Row as _};
use uuid::Uuid;

use super::columns::failed;
use super::{cursors, packing, parked};
use crate::error::ViewError;
use crate::verify::{Literals, PackedRow, ViewSnapshot};
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
    ) -> Result<Vec<Literals>, ViewError> {
        let rows = self.database.in_time(query.fetch_all(&mut self.reader)).await;
        let rows = rows.map_err(failed(table.view))?;
        let read =
            |row: &PgRow| (0..table.columns.len()).map(|column| row.try_get(column)).collect();
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed(table.view))
    }

    /// These columns of the rows with these keys.
    fn of_keys(
        &self,
        table: &Table,
        columns: &str,
        keys: &[Cell<'static>],
    ) -> Query<'static, Postgres, PgArguments> {
        let array = if table.key == Key::Id { "uuid" } else { "int8" };
        // Every name in the statement is a constant of this crate.
        let statement = format!(
            "SELECT {columns} FROM {} WHERE partition = $1 AND {} = ANY($2::{array}[])",
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
        if table.key == Key::Id { query.bind(ids) } else { query.bind(positions) }
    }

    fn partition(&self) -> i32 {
        self.partition.number().into()
    }
}

/// Columns as SQL literals: whatever stands there can be shown and compared.
fn literals(columns: &[&str]) -> String {
    let literals = columns.iter().map(|column| format!("literal({column})"));
    literals.collect::<Vec<_>>().join(", ")
}

const fn key_column(table: &Table) -> &'static str {
    table.columns[1]
}

/// A key, as its table's key column has it.
enum KeyValue {
    Id(Uuid),
    Position(i64),
}

impl KeyValue {
    /// From the literal that a snapshot read.
    fn parse(literal: &str) -> Option<Self> {
        match literal.strip_prefix("X'") {
            Some(rest) => Uuid::parse_str(rest.strip_suffix('\'')?).ok().map(Self::Id),
            None => literal.parse().ok().map(Self::Position),
        }
    }
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
        let query = self.of_keys(table, &packing::columns(table), keys);
        let rows = self.database.in_time(query.fetch_all(&mut self.reader)).await;
        let rows = rows.map_err(failed(table.view))?;
        let packed = rows.iter().map(|row| packing::packed(table, row));
        packed.collect::<Result<_, _>>().map_err(failed(table.view))
    }

    async fn with_keys(
        &mut self,
        table: &'static Table,
        keys: &[Cell<'static>],
    ) -> Result<Vec<Literals>, ViewError> {
        let query = self.of_keys(table, &literals(table.columns), keys);
        self.rows(table, query).await
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, ViewError> {
        let statement = format!("SELECT count(*) FROM {} WHERE partition = $1", table.name);
        let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(self.partition());
        let count = self.database.in_time(query.fetch_one(&mut self.reader)).await;
        let count: i64 = count.map_err(failed(table.view))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn after(
        &mut self,
        table: &'static Table,
        key: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Literals>, ViewError> {
        let column = key_column(table);
        let key = key.and_then(KeyValue::parse);
        let after = if key.is_some() { format!("AND {column} > $3") } else { String::new() };
        let statement = format!(
            "SELECT {} FROM {name} WHERE partition = $1 AND {column} IN (
                 SELECT DISTINCT {column} FROM {name} WHERE partition = $1 {after}
                 ORDER BY {column} LIMIT $2)
             ORDER BY {column}",
            literals(table.columns),
            name = table.name
        );
        let query =
            sqlx::query(AssertSqlSafe(statement)).bind(self.partition()).bind(i64::from(limit));
        let query = match key {
            Some(KeyValue::Id(id)) => query.bind(id),
            Some(KeyValue::Position(position)) => query.bind(position),
            None => query,
        };
        self.rows(table, query).await
    }

    async fn all(&mut self, table: &'static Table) -> Result<Vec<Literals>, ViewError> {
        let statement =
            format!("SELECT {} FROM {} WHERE partition = $1", literals(table.columns), table.name);
        let query = sqlx::query(AssertSqlSafe(statement)).bind(self.partition());
        self.rows(table, query).await
    }
}
