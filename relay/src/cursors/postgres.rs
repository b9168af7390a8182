//! The relay's cursors on Postgres, beside the work rows, shared by every relay of the ledger.

use std::collections::HashMap;

use async_trait::async_trait;
use daybook_engine::cursor::Cursor;
use daybook_engine::durability::Durability;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::ledger::StoreError;
use daybook_engine::migration::Migration;
use daybook_engine::postgres::values::{bigint, smallint};
use daybook_engine::postgres::{Database, Migrator, PostgresSettings};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::topics::{KnownTopics, TOPICS, named};
use super::{CursorMove, RelayCursor, RelayCursors, left_behind};
use daybook_engine::broker::topic::TopicName;

const STORE: &str = "relay";
/// One loop saves, and a report may read beside it.
const POOL_MAX: u32 = 2;

/// The scripts that this store needs.
pub const MIGRATIONS: &[Migration] = &[Migration {
    number: 4,
    name: "relay",
    sql: include_str!("../../../migrations/postgres/0004_relay.sql"),
}];

/// The cursors of every topic of one ledger. A power cut may take the last moves back.
#[derive(Debug)]
pub struct PostgresRelayCursors {
    database: Database,
}

impl PostgresRelayCursors {
    /// Applies what is missing; what it applied.
    ///
    /// # Errors
    /// When the schema can't be changed.
    pub async fn migrate(migrator: &mut Migrator) -> Result<Vec<Migration>, StoreError> {
        migrator.apply(MIGRATIONS).await
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let settings =
            PostgresSettings { pool_max: settings.pool_max.min(POOL_MAX), ..settings.clone() };
        let database = Database::connect(STORE, &settings, Durability::Normal, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Ends its connections. The last call of all.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn create(&self, topic: &TopicName, moves: &[CursorMove]) -> Result<(), StoreError> {
        let new = moves.iter().filter(|change| change.from == Cursor::default());
        let new: Vec<_> = new.map(|change| smallint(change.partition)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let creating = sqlx::query(
            "INSERT INTO relay_cursor (topic, partition, position)
             SELECT $1, partition, 0 FROM unnest($2::int2[]) AS partition ORDER BY partition
             ON CONFLICT DO NOTHING",
        );
        let creating = creating.bind(topic.as_str()).bind(new).execute(self.database.pool());
        self.database.answered(creating).await.map(|_| ())
    }
}

/// Every row is locked before one is changed, in ascending order, so that of two relays one waits
/// for the other and neither for ever; what is compared then is the row as it has become.
const MOVE: &str = "
    WITH move AS MATERIALIZED (
        SELECT * FROM unnest($2::int2[], $3::int8[], $4::uuid[], $5::int8[], $6::uuid[],
            $7::int8[], $8::int8[])
            AS move (partition, from_position, from_event, to_position, to_event, topic_offset,
                begun_after)
    ), locked AS MATERIALIZED (
        SELECT partition, position, event_id FROM relay_cursor
        WHERE topic = $1 AND partition IN (SELECT partition FROM move)
        ORDER BY partition FOR UPDATE
    )
    UPDATE relay_cursor SET position = move.to_position, event_id = move.to_event,
        topic_offset = move.topic_offset, begun_after = move.begun_after
    FROM move JOIN locked USING (partition)
    WHERE relay_cursor.topic = $1 AND relay_cursor.partition = move.partition
        AND locked.position = move.from_position
        AND locked.event_id IS NOT DISTINCT FROM move.from_event
    RETURNING relay_cursor.partition";

#[async_trait]
impl RelayCursors for PostgresRelayCursors {
    async fn load(
        &self,
        topic: &TopicName,
        partitions: &[Partition],
    ) -> Result<Vec<RelayCursor>, StoreError> {
        let loading = sqlx::query(
            "SELECT partition, position, event_id, topic_offset, begun_after
             FROM relay_cursor WHERE topic = $1",
        );
        let loading = loading.bind(topic.as_str()).fetch_all(self.database.pool());
        let rows = self.database.answered(loading).await?;
        let found: HashMap<_, _> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let cursor = |partition| found.get(partition).copied().unwrap_or_default();
        Ok(partitions.iter().map(cursor).collect())
    }

    async fn save(
        &self,
        topic: &TopicName,
        moves: &[CursorMove],
    ) -> Result<Vec<Partition>, StoreError> {
        self.create(topic, moves).await?;
        let event = |cursor: &Cursor| cursor.event_id.map(EventId::uuid);
        let of = |value: fn(&CursorMove) -> u64| -> Vec<i64> {
            moves.iter().map(|change| bigint(value(change))).collect()
        };
        let offsets: Vec<_> = moves.iter().map(|change| change.to.offset.map(bigint)).collect();
        let from: Vec<_> = moves.iter().map(|change| event(&change.from)).collect();
        let to: Vec<_> = moves.iter().map(|change| event(&change.to.published)).collect();
        let partitions: Vec<_> = moves.iter().map(|change| smallint(change.partition)).collect();
        let moving = sqlx::query_scalar(MOVE)
            .bind(topic.as_str())
            .bind(partitions)
            .bind(of(|change| change.from.position))
            .bind(from)
            .bind(of(|change| change.to.published.position))
            .bind(to)
            .bind(offsets)
            .bind(of(|change| change.to.begun_after))
            .fetch_all(self.database.pool());
        let moved: Vec<i16> = self.database.answered(moving).await?;
        let moved: Vec<_> = moved.into_iter().map(partition).collect::<Result<_, _>>()?;
        Ok(left_behind(moves, &moved))
    }
}

#[async_trait]
impl KnownTopics for PostgresRelayCursors {
    async fn topics(&self) -> Result<Vec<TopicName>, StoreError> {
        let names = sqlx::query_scalar(TOPICS).fetch_all(self.database.pool());
        named(&self.database.answered(names).await?)
    }
}

fn read(row: &PgRow) -> Result<(Partition, RelayCursor), StoreError> {
    let event_id: Option<Uuid> = get(row, 2)?;
    let position = get::<i64>(row, 1)?.unsigned_abs();
    let published = Cursor { position, event_id: event_id.map(EventId::from_uuid) };
    let offset = get::<Option<i64>>(row, 3)?.map(i64::unsigned_abs);
    let begun_after = get::<i64>(row, 4)?.unsigned_abs();
    Ok((partition(get(row, 0)?)?, RelayCursor { published, offset, begun_after }))
}

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| damaged(&error))
}

fn damaged(cause: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { store: STORE, cause: cause.to_string() }
}

fn partition(number: i16) -> Result<Partition, StoreError> {
    u16::try_from(number).map(Partition::new).map_err(|error| damaged(&error))
}
