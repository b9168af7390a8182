//! Appending: the heads are locked and moved in the transaction that inserts the events, so the
//! order of positions is the order of commits. Heads are locked in ascending order, always, so that
//! of two processes one waits for the other and neither for ever.
//!
//! The strict path is one statement: one round trip, one commit. The tolerant path looks at what
//! stands there while it holds the locks; only a statement that begins after they were taken can.

use std::collections::BTreeMap;

use sqlx::postgres::{PgBindIterExt, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor};
use tokio::time::timeout;

use super::super::numbering::{Numbering, Placement, last_position};
use super::super::{Append, Appended, StoreError};
use super::STORE;
use super::insert::{Moved, Writing};
use super::read::{self, damaged};
use super::sessions::{SESSIONS, Sessions};
use super::turns::{self, Turn, Turns};
use crate::ids::{Partition, PaymentId};
use crate::postgres::values::smallint;
use crate::postgres::{Database, is_constraint};

/// What the appends of one process share.
#[derive(Debug, Default)]
pub(super) struct Appender {
    sessions: Sessions,
    turns: Turns,
}

impl Appender {
    pub(super) async fn append(
        &self,
        database: &Database,
        partitions: u16,
        batch: &[Append],
    ) -> Result<Option<Vec<Appended>>, StoreError> {
        if batch.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let (writing, last_places) = number(partitions, batch);
        let (mut taken, turn) = match self.turns.take_held() {
            Some(taken) => (taken, Turn::Held),
            None => (self.sessions.take(database).await?, Turn::IfFree),
        };
        let executing = writing.execute(taken.connection(), turn);
        match timeout(database.answer_limit(), executing).await {
            Ok(Ok(rows)) => {
                self.sessions.keep(taken);
                let moved: Result<Vec<_>, _> = rows.iter().map(Moved::read).collect();
                let moved = moved.map_err(|error| database.answer_lost(&error))?;
                self.turns.wrote(&moved);
                Ok(Some(answers(&moved, &last_places)))
            }
            Ok(Err(error)) if is_constraint(&error) => {
                // The statement was undone, the turn that it took was not.
                if turns::give_up(database, &mut taken).await {
                    self.sessions.keep(taken);
                }
                Ok(None)
            }
            Ok(Err(error)) => Err(database.commit_failed(&error)),
            Err(elapsed) => Err(database.answer_lost(&elapsed)),
        }
    }

    pub(super) async fn append_tolerant(
        &self,
        database: &Database,
        partitions: u16,
        batch: &[Append],
    ) -> Result<Vec<Appended>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut taken = self.sessions.take(database).await?;
        let connection = taken.connection();
        let limit = database.answer_limit();
        let before_the_end = write_tolerantly(database, connection, partitions, batch);
        // Until COMMIT is sent nothing is written: a connection that is dropped is rolled back.
        let (appended, has_written) =
            timeout(limit, before_the_end).await.map_err(|elapsed| StoreError::Unavailable {
                store: STORE,
                cause: elapsed.to_string(),
            })??;
        let end = if has_written { "COMMIT" } else { "ROLLBACK" };
        match timeout(limit, connection.execute(end)).await {
            Ok(Ok(_)) => {
                self.sessions.keep(taken);
                Ok(appended)
            }
            Ok(Err(error)) => Err(database.commit_failed(&error)),
            Err(elapsed) => Err(database.answer_lost(&elapsed)),
        }
    }

    /// Two where others write too: one waits for its turn while the other commits. Alone, one larger
    /// batch after the other costs less than two small ones that stand in each other's way.
    pub(super) fn batches_under_way(&self) -> usize {
        if self.turns.is_shared() { SESSIONS } else { 1 }
    }

    /// Returns when it is this process's turn to make up a batch.
    pub(super) async fn wait_for_turn(&self, database: &Database) {
        self.turns.wait(database, &self.sessions).await;
    }

    pub(super) async fn close(&self) {
        drop(self.turns.take_held());
        self.sessions.close().await;
    }
}

/// The batch, numbered after whatever its heads will be, and each append's last place.
fn number(partitions: u16, batch: &[Append]) -> (Writing<'_>, Vec<(Partition, u64)>) {
    let mut writing = Writing::new(partitions, batch.len());
    let mut numbering = Numbering::new(partitions, BTreeMap::new());
    let mut last_places = Vec::with_capacity(batch.len());
    for append in batch {
        let first = numbering.number(append);
        writing.push(append, first);
        let partition = append.payment_id.partition(partitions);
        last_places.push((partition, last_position(append, first)));
    }
    (writing, last_places)
}

/// Positions from the heads that the statement found.
fn answers(moved: &[Moved], last_places: &[(Partition, u64)]) -> Vec<Appended> {
    let heads: BTreeMap<_, _> = moved.iter().map(|moved| (moved.partition, moved.before)).collect();
    let answer = |(partition, place): &(Partition, u64)| {
        let head = heads.get(partition).copied().unwrap_or_default();
        Appended::At(head.saturating_add(*place))
    };
    last_places.iter().map(answer).collect()
}

fn read_heads(rows: &[PgRow]) -> Result<BTreeMap<Partition, u64>, StoreError> {
    let heads = rows.iter().map(read::head);
    heads.map(|head| head.map(|head| (head.partition, head.position))).collect()
}

/// Writes what can be written in a transaction that it leaves open; what each append is answered,
/// and whether there is anything to commit.
async fn write_tolerantly(
    database: &Database,
    connection: &mut PgConnection,
    partitions: u16,
    batch: &[Append],
) -> Result<(Vec<Appended>, bool), StoreError> {
    let heads = begin(database, connection, partitions, batch).await?;
    let mut numbering = Numbering::new(partitions, heads.clone());
    recall(database, connection, partitions, batch, &mut numbering).await?;
    let mut writing = Writing::new(partitions, batch.len());
    let mut appended = Vec::with_capacity(batch.len());
    for append in batch {
        appended.push(match numbering.place(append) {
            Placement::Next(first) => {
                let head = heads.get(&append.payment_id.partition(partitions));
                writing.push(append, first.saturating_sub(head.copied().unwrap_or_default()));
                Appended::At(last_position(append, first))
            }
            Placement::There(position) => Appended::At(position),
            Placement::Conflict => Appended::Conflict,
        });
    }
    if writing.is_empty() {
        return Ok((appended, false));
    }
    match writing.execute(connection, Turn::Without).await {
        Ok(_) => Ok((appended, true)),
        // What stands there was read under the lock, so nothing can be in the way.
        Err(error) if is_constraint(&error) => Err(damaged(&error)),
        Err(error) => Err(database.unavailable(&error)),
    }
}

/// Begins a transaction that holds the heads of the batch's partitions, in one round trip.
async fn begin(
    database: &Database,
    connection: &mut PgConnection,
    partitions: u16,
    batch: &[Append],
) -> Result<BTreeMap<Partition, u64>, StoreError> {
    let mut wanted: Vec<Partition> =
        batch.iter().map(|append| append.payment_id.partition(partitions)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let list = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // Statements that are sent together take no parameters; these are numbers.
    let statements = AssertSqlSafe(format!(
        "BEGIN;
         SELECT partition, head FROM ledger_partition WHERE partition IN ({list})
         ORDER BY partition FOR UPDATE"
    ));
    let rows = connection.fetch_all(sqlx::raw_sql(statements)).await;
    let heads = read_heads(&rows.map_err(|error| database.unavailable(&error))?)?;
    match wanted.iter().find(|partition| !heads.contains_key(partition)) {
        None => Ok(heads),
        Some(partition) => Err(damaged(&format!("partition {partition} has no head"))),
    }
}

/// Tells the numbering what stands in the ledger of the batch's payments.
async fn recall(
    database: &Database,
    connection: &mut PgConnection,
    partitions: u16,
    batch: &[Append],
    numbering: &mut Numbering,
) -> Result<(), StoreError> {
    let mut lowest: BTreeMap<PaymentId, u32> = BTreeMap::new();
    for append in batch {
        let first = lowest.entry(append.payment_id).or_insert(append.first_version);
        *first = append.first_version.min(*first);
    }
    let partition = |payment: &PaymentId| smallint(payment.partition(partitions));
    // Ordered inside, so that it stays one walk along the index for each payment.
    let rows = sqlx::query(
        "SELECT e.payment_id, e.version, e.event_id, e.position
         FROM unnest($1::int2[], $2::uuid[], $3::int8[]) w (partition, payment_id, version)
         CROSS JOIN LATERAL (
             SELECT * FROM event
             WHERE partition = w.partition AND payment_id = w.payment_id
                 AND version >= w.version
             ORDER BY version
         ) e",
    )
    .bind(lowest.keys().map(partition).bind_iter())
    .bind(lowest.keys().map(|payment| payment.uuid()).bind_iter())
    .bind(lowest.values().map(|first| i64::from(first.saturating_sub(1))).bind_iter())
    .fetch_all(connection)
    .await
    .map_err(|error| database.unavailable(&error))?;
    for row in &rows {
        let (payment_id, version) = (read::payment_id(row, 0)?, read::version(row, 1)?);
        numbering.recall(payment_id, version, read::event_id(row, 2)?, read::unsigned(row, 3)?);
    }
    Ok(())
}
