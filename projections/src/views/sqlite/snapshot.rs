//! One partition's rows, as literals, in one read transaction: for the check against the ledger.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::sqlite::gathered;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Transaction};

use super::columns::failed;
use super::{cursors, packing, parked};
use crate::error::ViewError;
use crate::verify::{Literals, PackedRow, ViewSnapshot};
use crate::views::row::{Cell, Key, Row, Table, json};
use crate::views::{ParkedPayments, ViewCursors};

pub(super) struct SqliteSnapshot {
    reader: Transaction<'static, Sqlite>,
    partition: Partition,
    cursors: ViewCursors,
    parked: ParkedPayments,
}

impl SqliteSnapshot {
    pub(super) async fn begin(
        mut reader: Transaction<'static, Sqlite>,
        partition: Partition,
    ) -> Result<Self, ViewError> {
        let all = cursors::all(&mut reader).await?;
        let own = all.into_iter().find(|(known, _)| *known == partition);
        let cursors = own.map(|(_, cursors)| cursors).unwrap_or_default();
        let parked = parked::all(&mut reader).await?;
        Ok(Self { reader, partition, cursors, parked })
    }

    /// These columns of the rows with these keys.
    async fn of_keys(
        &mut self,
        table: &Table,
        columns: &str,
        keys: &[Cell<'static>],
    ) -> Result<Vec<SqliteRow>, ViewError> {
        let (name, key) = (table.name, key_column(table));
        let wanted: Vec<Wanted<'_>> = keys.iter().map(Wanted).collect();
        // Every name in the statement is a constant of this crate.
        let reading = sqlx::query(AssertSqlSafe(format!(
            "SELECT {columns} FROM json_each(?1) AS wanted CROSS JOIN {name}
             WHERE {name}.partition = ?2 AND {name}.{key} = {}",
            from_json(table.key)
        )))
        .bind(json(wanted.iter()))
        .bind(self.partition.number())
        .fetch_all(&mut *self.reader);
        gathered(reading).await.map_err(failed(table.view))
    }
}

/// Columns of a table as SQL literals: whatever stands there can be shown and compared.
fn literals(table: &Table, columns: &[&str]) -> String {
    let quoted = columns.iter().map(|column| format!("quote({}.{column})", table.name));
    quoted.collect::<Vec<_>>().join(", ")
}

fn read(table: &Table, rows: &[SqliteRow]) -> Result<Vec<Literals>, ViewError> {
    // What is no UTF-8 is shown as well.
    let literal = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let read = |row: &SqliteRow| {
        (0..table.columns.len()).map(|column| row.try_get(column).map(literal)).collect()
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(failed(table.view))
}

const fn key_column(table: &Table) -> &'static str {
    table.columns[1]
}

/// An id or position out of JSON, as the table has it.
const fn from_json(key: Key) -> &'static str {
    match key {
        Key::Id => "unhex(wanted.value ->> 0)",
        Key::Position | Key::Group => "wanted.value ->> 0",
    }
}

struct Wanted<'a>(&'a Cell<'a>);

impl Row for Wanted<'_> {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![self.0.clone()]
    }
}

#[async_trait]
impl ViewSnapshot for SqliteSnapshot {
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
        let rows = self.of_keys(table, &packing::columns(table), keys).await?;
        let packed = rows.iter().map(|row| packing::packed(table, row));
        packed.collect::<Result<_, _>>().map_err(failed(table.view))
    }

    async fn with_keys(
        &mut self,
        table: &'static Table,
        keys: &[Cell<'static>],
    ) -> Result<Vec<Literals>, ViewError> {
        let rows = self.of_keys(table, &literals(table, table.columns), keys).await?;
        read(table, &rows)
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, ViewError> {
        let statement = format!("SELECT count(*) FROM {} WHERE partition = ?1", table.name);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(self.partition.number())
            .fetch_one(&mut *self.reader)
            .await
            .map_err(failed(table.view))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn after(
        &mut self,
        table: &'static Table,
        key: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Literals>, ViewError> {
        let (columns, name, column) =
            (literals(table, table.columns), table.name, key_column(table));
        // The key is a literal that this snapshot read with quote(), so it is safe to say again.
        let after = key.map_or_else(String::new, |key| format!("AND {column} > {key}"));
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {columns} FROM {name} WHERE partition = ?1 AND {column} IN (
                 SELECT DISTINCT {column} FROM {name} WHERE partition = ?1 {after}
                 ORDER BY {column} LIMIT ?2)
             ORDER BY {column}"
        )))
        .persistent(false)
        .bind(self.partition.number())
        .bind(limit)
        .fetch_all(&mut *self.reader)
        .await
        .map_err(failed(table.view))?;
        read(table, &rows)
    }

    async fn all(&mut self, table: &'static Table) -> Result<Vec<Literals>, ViewError> {
        let columns = literals(table, table.columns);
        let statement = format!("SELECT {columns} FROM {} WHERE partition = ?1", table.name);
        let rows = sqlx::query(AssertSqlSafe(statement))
            .bind(self.partition.number())
            .fetch_all(&mut *self.reader)
            .await
            .map_err(failed(table.view))?;
        read(table, &rows)
    }
}
