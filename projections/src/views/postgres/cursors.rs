//! Cursors: moved by compare-and-set, in the transaction of the rows.

use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::{bigint, smallint};
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use super::columns::{PostgresColumns, failed};
use crate::error::ViewError;
use crate::views::{Batch, View, ViewCursors, cursors};

/// Every view of every partition stands at its start, unless it stands somewhere already.
pub(super) async fn create(
    connection: &mut PgConnection,
    partitions: u16,
) -> Result<(), ViewError> {
    let view = View::Payments;
    let known =
        sqlx::query(cursors::ALL).fetch_all(&mut *connection).await.map_err(failed(view))?;
    if !check(&known, partitions)? {
        let numbers: Vec<i16> = Partition::all(partitions).map(smallint).collect();
        sqlx::query(
            "INSERT INTO view_cursor (view, partition, position)
             SELECT view, partition, 0
             FROM unnest($1::text[]) AS view CROSS JOIN unnest($2::int2[]) AS partition
             ON CONFLICT DO NOTHING",
        )
        .bind(View::ALL.map(View::as_str).to_vec())
        .bind(numbers)
        .execute(connection)
        .await
        .map_err(failed(view))?;
    }
    Ok(())
}

/// Whether the cursors are there.
///
/// # Errors
/// When they are those of a ledger with another number of partitions.
pub(super) fn check(rows: &[PgRow], partitions: u16) -> Result<bool, ViewError> {
    let known = read(rows)?.len();
    let elsewhere = "name another database with --views-url, and they are built there";
    cursors::check(known, partitions, elsewhere)
}

/// From the rows of [`cursors::ALL`].
pub(super) fn read(rows: &[PgRow]) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
    let view = View::Payments;
    cursors::all(rows.iter().map(|row| PostgresColumns { row, view }))
}

pub(super) async fn positions(
    tx: &mut Transaction<'_>,
    views: [View; 2],
) -> Result<Vec<(Partition, u64)>, ViewError> {
    let [view, other] = views;
    let query = sqlx::query(
        "SELECT partition, min(position) FROM view_cursor WHERE view IN ($1, $2)
         GROUP BY partition ORDER BY partition",
    );
    let query = query.bind(view.as_str()).bind(other.as_str());
    let rows = tx.fetch_all(query).await.map_err(failed(view))?;
    cursors::positions(rows.iter().map(|row| PostgresColumns { row, view }))
}

/// A statement that locks the cursors of these partitions, in one order for everyone.
pub(super) fn lock(partitions: impl IntoIterator<Item = Partition>) -> String {
    let numbers: Vec<String> = partitions.into_iter().map(|p| p.to_string()).collect();
    format!(
        "SELECT FROM view_cursor WHERE partition = ANY ('{{{}}}'::int2[])
         ORDER BY view, partition FOR UPDATE",
        numbers.join(",")
    )
}

/// Moves every view's cursor from where the batches begin to where they end; `false` where one of
/// them stands elsewhere.
pub(super) async fn advance(
    tx: &mut Transaction<'_>,
    batches: &[Batch],
) -> Result<bool, ViewError> {
    let mut moves = Moves::default();
    for batch in batches {
        let end = batch.end();
        for view in View::ALL {
            moves.push(
                view,
                batch.partition,
                batch.cursors.of(view),
                end.of(view),
                end.topic_offset,
            );
        }
    }
    let count = moves.views.len();
    let update = sqlx::query(
        "UPDATE view_cursor AS cursor SET
             position = move.to_position, event_id = move.to_event, topic_offset = move.topic_offset
         FROM unnest(
                 $1::text[], $2::int2[], $3::int8[], $4::uuid[], $5::int8[], $6::uuid[], $7::int8[])
             AS move (view, partition, from_position, from_event, to_position, to_event, topic_offset)
         WHERE cursor.view = move.view AND cursor.partition = move.partition
           AND cursor.position = move.from_position
           AND cursor.event_id IS NOT DISTINCT FROM move.from_event",
    )
    .bind(moves.views)
    .bind(moves.partitions)
    .bind(moves.from_positions)
    .bind(moves.from_events)
    .bind(moves.to_positions)
    .bind(moves.to_events)
    .bind(moves.topic_offsets);
    let moved = tx.execute(update).await.map_err(failed(View::Payments))?;
    Ok(usize::try_from(moved) == Ok(count))
}

/// Moves, column by column.
#[derive(Default)]
struct Moves {
    views: Vec<&'static str>,
    partitions: Vec<i16>,
    from_positions: Vec<i64>,
    from_events: Vec<Option<Uuid>>,
    to_positions: Vec<i64>,
    to_events: Vec<Option<Uuid>>,
    topic_offsets: Vec<Option<i64>>,
}

impl Moves {
    fn push(
        &mut self,
        view: View,
        partition: Partition,
        from: Cursor,
        to: Cursor,
        topic_offset: Option<u64>,
    ) {
        let event = |cursor: Cursor| cursor.event_id.map(EventId::uuid);
        self.views.push(view.as_str());
        self.partitions.push(smallint(partition));
        self.from_positions.push(bigint(from.position));
        self.from_events.push(event(from));
        self.to_positions.push(bigint(to.position));
        self.to_events.push(event(to));
        self.topic_offsets.push(topic_offset.map(bigint));
    }
}
