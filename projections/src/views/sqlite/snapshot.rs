//! One partition's rows in one read transaction: for the check against the ledger.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::sqlite::gathered;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{AssertSqlSafe, Transaction};

use super::columns::failed;
use super::{cursors, packing, parked};
use crate::error::ViewError;
use crate::verify::{Packed, PackedRow, ViewSnapshot};
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

    async fn counted(&mut self, table: &Table, sql: String, number: u16) -> Result<u64, ViewError> {
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(number);
        let count: i64 = query.fetch_one(&mut *self.reader).await.map_err(failed(table.view))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

fn read(table: &Table, rows: &[SqliteRow]) -> Result<Vec<PackedRow>, ViewError> {
    let packed = rows.iter().map(|row| packing::packed(table, row));
    packed.collect::<Result<_, _>>().map_err(failed(table.view))
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
        let (columns, name, key) = (packing::columns(table), table.name, key_column(table));
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
        read(table, &gathered(reading).await.map_err(failed(table.view))?)
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, ViewError> {
        let sql = format!("SELECT count(*) FROM {} WHERE partition = ?1", table.name);
        self.counted(table, sql, self.partition.number()).await
    }

    async fn outside(&mut self, table: &'static Table, partitions: u16) -> Result<u64, ViewError> {
        let name = table.name;
        let sql = format!(
            "SELECT (SELECT count(*) FROM {name} WHERE partition < 0)
                 + (SELECT count(*) FROM {name} WHERE partition >= ?1)"
        );
        self.counted(table, sql, partitions).await
    }

    async fn after(
        &mut self,
        table: &'static Table,
        row: Option<&PackedRow>,
        limit: u32,
    ) -> Result<Vec<PackedRow>, ViewError> {
        let (columns, name, column) = (packing::columns(table), table.name, key_column(table));
        let key = row.and_then(PackedRow::key);
        let after = if key.is_some() { format!("AND {column} > ?3") } else { String::new() };
        let query = sqlx::query(AssertSqlSafe(format!(
            "SELECT {columns} FROM {name} WHERE partition = ?1 AND {column} IN (
                 SELECT DISTINCT {column} FROM {name} WHERE partition = ?1 {after}
                 ORDER BY {column} LIMIT ?2)
             ORDER BY {column}"
        )));
        let query = query.bind(self.partition.number()).bind(limit);
        let query = match key {
            Some(Packed::Integer(position)) => query.bind(position),
            Some(Packed::Id(id)) => query.bind(id.into_bytes().to_vec()),
            Some(Packed::Text(bytes) | Packed::Stray(bytes)) => query.bind(bytes.to_vec()),
            Some(Packed::Null) | None => query,
        };
        let rows = query.fetch_all(&mut *self.reader).await.map_err(failed(table.view))?;
        read(table, &rows)
    }

    async fn all(&mut self, table: &'static Table) -> Result<Vec<PackedRow>, ViewError> {
        let columns = packing::columns(table);
        let statement = format!("SELECT {columns} FROM {} WHERE partition = ?1", table.name);
        let query = sqlx::query(AssertSqlSafe(statement)).bind(self.partition.number());
        let rows = query.fetch_all(&mut *self.reader).await.map_err(failed(table.view))?;
        read(table, &rows)
    }
}
