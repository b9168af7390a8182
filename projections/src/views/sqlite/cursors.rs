//! Cursors: moved by compare-and-set, in the transaction of the rows.

use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use sqlx::sqlite::SqliteConnection;

use super::columns::{SqliteColumns, failed};
use crate::error::ViewError;
use crate::views::row::{Cell, Row, json};
use crate::views::{Batch, View, ViewCursors, cursors};

/// Every view of every partition stands at its start, unless it stands somewhere already.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    partitions: u16,
) -> Result<(), ViewError> {
    let known = all(connection).await?.len();
    if cursors::check(known, partitions, "move views.db away and they are built again")? {
        return Ok(());
    }
    let starts: Vec<Start> = View::ALL
        .into_iter()
        .flat_map(|view| Partition::all(partitions).map(move |partition| Start(view, partition)))
        .collect();
    sqlx::query(
        "INSERT INTO view_cursor (view, partition, position)
         SELECT value ->> 0, value ->> 1, 0 FROM json_each(?1)
         WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(json(starts.iter()))
    .execute(connection)
    .await
    .map_err(failed(View::Payments))?;
    Ok(())
}

struct Start(View, Partition);

impl Row for Start {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![Cell::text(self.0.as_str()), Cell::Integer(self.1.number().into())]
    }
}

pub(super) async fn all(
    connection: &mut SqliteConnection,
) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
    let view = View::Payments;
    let rows = sqlx::query(cursors::ALL).fetch_all(connection).await.map_err(failed(view))?;
    cursors::all(rows.iter().map(|row| SqliteColumns { row, view }))
}

pub(super) async fn positions(
    connection: &mut SqliteConnection,
    views: [View; 2],
) -> Result<Vec<(Partition, u64)>, ViewError> {
    let [view, other] = views;
    let rows = sqlx::query(
        "SELECT partition, min(position) FROM view_cursor WHERE view IN (?1, ?2)
         GROUP BY partition ORDER BY partition",
    )
    .bind(view.as_str())
    .bind(other.as_str())
    .fetch_all(connection)
    .await
    .map_err(failed(view))?;
    cursors::positions(rows.iter().map(|row| SqliteColumns { row, view }))
}

struct Move {
    view: View,
    partition: Partition,
    from: Cursor,
    to: Cursor,
    topic_offset: Option<u64>,
}

impl Row for Move {
    fn cells(&self) -> Vec<Cell<'_>> {
        let event = |cursor: Cursor| cursor.event_id.map_or(Cell::Null, |id| Cell::Id(id.uuid()));
        vec![
            Cell::text(self.view.as_str()),
            Cell::Integer(self.partition.number().into()),
            Cell::count(self.from.position),
            event(self.from),
            Cell::count(self.to.position),
            event(self.to),
            self.topic_offset.map_or(Cell::Null, Cell::count),
        ]
    }
}

/// Moves every view's cursor from where the batches begin to where they end; `false` where one of
/// them stands elsewhere.
pub(super) async fn advance(
    tx: &mut SqliteConnection,
    batches: &[Batch],
) -> Result<bool, ViewError> {
    let moves: Vec<Move> = batches
        .iter()
        .flat_map(|batch| {
            let end = batch.end();
            View::ALL.into_iter().map(move |view| Move {
                view,
                partition: batch.partition,
                from: batch.cursors.of(view),
                to: end.of(view),
                topic_offset: end.topic_offset,
            })
        })
        .collect();
    let moved = sqlx::query(
        "UPDATE view_cursor SET
             position = move.to_position, event_id = move.to_event, topic_offset = move.topic_offset
         FROM (SELECT value ->> 0 AS view, value ->> 1 AS partition,
                      value ->> 2 AS from_position, unhex(value ->> 3) AS from_event,
                      value ->> 4 AS to_position, unhex(value ->> 5) AS to_event,
                      value ->> 6 AS topic_offset
               FROM json_each(?1)) AS move
         WHERE view_cursor.view = move.view AND view_cursor.partition = move.partition
           AND view_cursor.position = move.from_position
           AND view_cursor.event_id IS move.from_event",
    )
    .bind(json(moves.iter()))
    .execute(tx)
    .await
    .map_err(failed(View::Payments))?;
    Ok(usize::try_from(moved.rows_affected()) == Ok(moves.len()))
}
