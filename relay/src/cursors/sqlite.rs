//! The relay's cursors in `work.db`, beside the work rows.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use async_trait::async_trait;
use daybook_engine::cursor::Cursor;
use daybook_engine::durability::Durability;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::ledger::StoreError;
use daybook_engine::sqlite::Database;
use daybook_engine::work::sqlite::MIGRATIONS;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::topics::{KnownTopics, TOPICS, named};
use super::{CursorMove, RelayCursor, RelayCursors, left_behind};
use daybook_engine::broker::topic::TopicName;

const STORE: &str = "relay";

/// Cursors in one file, which the work store may have open too. A power cut may take the last moves
/// back.
#[derive(Debug)]
pub struct SqliteRelayCursors {
    database: Database,
}

impl SqliteRelayCursors {
    /// Opens (and where needed creates and migrates) the file.
    ///
    /// # Errors
    /// When it can't be opened, or was migrated by a later build.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open(STORE, path, Durability::Normal, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Writes what the log holds into the file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl RelayCursors for SqliteRelayCursors {
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError> {
        let rows = sqlx::query(
            "SELECT partition, position, event_id, topic_offset, begun_after
             FROM relay_cursor WHERE topic = ?1",
        )
        .bind(topic.as_str())
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        let found: HashMap<_, _> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let cursor = |partition| found.get(partition).copied().unwrap_or_default();
        Ok(partitions.iter().map(cursor).collect())
    }

    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError> {
        let json = json(moves);
        let mut writer = self.database.writer().await;
        let mut tx = self.database.begin(&mut writer).await?;
        let unavailable = |error: sqlx::Error| self.database.unavailable(&error);
        sqlx::query(
            "INSERT INTO relay_cursor (topic, partition, position)
             SELECT ?1, value ->> 0, 0 FROM json_each(?2) WHERE value ->> 1 = 0
             ON CONFLICT DO NOTHING",
        )
        .bind(topic.as_str())
        .bind(&json)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
        let moved = sqlx::query_scalar(
            "UPDATE relay_cursor SET position = move.to_position, event_id = move.to_event,
                 topic_offset = move.topic_offset, begun_after = move.begun_after
             FROM (SELECT value ->> 0 AS partition,
                          value ->> 1 AS from_position, unhex(value ->> 2) AS from_event,
                          value ->> 3 AS to_position, unhex(value ->> 4) AS to_event,
                          value ->> 5 AS topic_offset, value ->> 6 AS begun_after
                   FROM json_each(?2)) AS move
             WHERE relay_cursor.topic = ?1 AND relay_cursor.partition = move.partition
               AND relay_cursor.position = move.from_position
               AND relay_cursor.event_id IS move.from_event
             RETURNING relay_cursor.partition",
        );
        let moved: Vec<u16> = moved
            .bind(topic.as_str())
            .bind(&json)
            .fetch_all(&mut *tx)
            .await
            .map_err(unavailable)?;
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))?;
        let moved: Vec<_> = moved.into_iter().map(Partition::new).collect();
        Ok(left_behind(moves, &moved))
    }
}

#[async_trait]
impl KnownTopics for SqliteRelayCursors {
    async fn topics(&self) -> Result<Vec<TopicName>, StoreError> {
        let names = sqlx::query_scalar(TOPICS).fetch_all(self.database.readers()).await;
        named(&names.map_err(|error| self.database.unavailable(&error))?)
    }
}

/// One array for each move: partition, from, to, offset, begun after.
fn json(moves: &[CursorMove]) -> String {
    let event = |cursor: Cursor| match cursor.event_id {
        Some(event_id) => format!("\"{}\"", event_id.uuid().simple()),
        None => "null".to_owned(),
    };
    let mut json = String::from("[");
    for (index, CursorMove { partition, from, to }) in moves.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let offset = to.offset.map_or_else(|| "null".to_owned(), |offset| offset.to_string());
        // Writing to a string can't fail.
        let _ = write!(
            json,
            "{comma}[{partition},{},{},{},{},{offset},{}]",
            from.position,
            event(*from),
            to.published.position,
            event(to.published),
            to.begun_after
        );
    }
    json.push(']');
    json
}

fn read(row: &SqliteRow) -> Result<(Partition, RelayCursor), StoreError> {
    let event_id: Option<Uuid> = get(row, 2)?;
    let position = get::<i64>(row, 1)?.unsigned_abs();
    let published = Cursor { position, event_id: event_id.map(EventId::from_uuid) };
    let offset = get::<Option<i64>>(row, 3)?.map(i64::unsigned_abs);
    let begun_after = get::<i64>(row, 4)?.unsigned_abs();
    Ok((Partition::new(get(row, 0)?), RelayCursor { published, offset, begun_after }))
}

fn get<'r, T>(row: &'r SqliteRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column)
        .map_err(|error| StoreError::Damaged { store: STORE, cause: error.to_string() })
}
