//! Appending: the heads are moved in the transaction that inserts the events, so the order of
//! positions is the order of commits.
//!
//! The strict path is one trip to the connection's thread: begin, events, heads, commit. It numbers
//! the events after the heads of the last commit; should another process have appended meanwhile,
//! the unique key refuses them, and the tolerant path reads the heads anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Mutex;

use super::super::numbering::{Numbering, Placement, last_position};
use super::super::{Append, Appended, StoreError};
use super::STORE;
use super::insert::{self, EventRow, is_constraint, push_rows};
use super::read::{damaged, event_id, payment_id, unsigned};
use crate::ids::Partition;
use crate::sqlite::Database;

/// What the appends of one process share.
#[derive(Debug, Default)]
pub(super) struct Appender {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every head as of the last commit; `None` until they are read, and after every failure.
    heads: Option<BTreeMap<Partition, u64>>,
    /// An append was left at an unknown point: its caller is gone, or its answer was an error.
    is_in_doubt: bool,
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
        let mut state = self.state.lock().await;
        let mut writer = database.writer().await;
        state.settle(database, &mut writer).await;
        if let Some(heads) = state.heads.take() {
            let written = state.write(database, &mut writer, partitions, batch, heads).await?;
            if written.is_some() {
                return Ok(written);
            }
        }
        // Another process may have moved the heads since; if not, an event stands there already.
        let heads = read_heads(database, &mut writer, partitions).await?;
        state.write(database, &mut writer, partitions, batch, heads).await
    }

    pub(super) async fn append_tolerant(
        &self,
        database: &Database,
        partitions: u16,
        batch: &[Append],
    ) -> Result<Vec<Appended>, StoreError> {
        let mut state = self.state.lock().await;
        let mut writer = database.writer().await;
        state.settle(database, &mut writer).await;
        state.heads = None;
        state.is_in_doubt = true;
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut *writer).await;
        begun.map_err(|error| database.unavailable(&error))?;
        let heads = read_heads(database, &mut writer, partitions).await?;
        let mut numbering = Numbering::new(partitions, heads);
        recall(database, &mut writer, partitions, batch, &mut numbering).await?;
        let (rows, written, appended) = place(&mut numbering, partitions, batch);
        if rows.is_empty() {
            state.settle(database, &mut writer).await;
            return Ok(appended);
        }
        let heads = moved_heads(written.iter().copied(), partitions, &numbering);
        match insert::rest(&mut writer, &rows, &written, partitions, heads).await {
            Ok(()) => {
                state.is_in_doubt = false;
                state.heads = Some(numbering.into_heads());
                Ok(appended)
            }
            Err(error) if is_constraint(&error) => {
                state.settle(database, &mut writer).await;
                Err(damaged(&error))
            }
            Err(error) => Err(state.lost(database, &mut writer, &error).await),
        }
    }
}

impl State {
    /// Writes the batch after these heads; `None` where the schema refuses it.
    async fn write(
        &mut self,
        database: &Database,
        writer: &mut SqliteConnection,
        partitions: u16,
        batch: &[Append],
        heads: BTreeMap<Partition, u64>,
    ) -> Result<Option<Vec<Appended>>, StoreError> {
        let mut numbering = Numbering::new(partitions, heads);
        let mut rows = Vec::with_capacity(batch.len());
        let mut appended = Vec::with_capacity(batch.len());
        for append in batch {
            let first = numbering.number(append);
            push_rows(&mut rows, append, append.payment_id.partition(partitions), first);
            appended.push(Appended::At(last_position(append, first)));
        }
        let heads = moved_heads(batch.iter(), partitions, &numbering);
        let texts: Vec<&Append> = batch.iter().collect();
        self.is_in_doubt = true;
        match insert::whole(writer, &rows, &texts, partitions, heads).await {
            Ok(()) => {
                self.is_in_doubt = false;
                self.heads = Some(numbering.into_heads());
                Ok(Some(appended))
            }
            // The schema's constraints roll the transaction back by themselves.
            Err(error) if is_constraint(&error) => {
                self.settle(database, writer).await;
                Ok(None)
            }
            Err(error) => Err(self.lost(database, writer, &error).await),
        }
    }

    /// Ends a transaction that may have been left open; `true` where one was.
    async fn settle(&mut self, database: &Database, writer: &mut SqliteConnection) -> bool {
        if !self.is_in_doubt {
            return false;
        }
        self.heads = None;
        let was_open = database.roll_back(writer).await;
        self.is_in_doubt = false;
        was_open
    }

    /// The error of a failed append: if its transaction was still open, nothing was written.
    async fn lost(
        &mut self,
        database: &Database,
        writer: &mut SqliteConnection,
        error: &sqlx::Error,
    ) -> StoreError {
        if self.settle(database, writer).await {
            database.unavailable(error)
        } else {
            database.answer_lost(error)
        }
    }
}

/// Which of the batch are to be written, and what each is answered.
fn place<'a>(
    numbering: &mut Numbering,
    partitions: u16,
    batch: &'a [Append],
) -> (Vec<EventRow<'a>>, Vec<&'a Append>, Vec<Appended>) {
    let mut rows = Vec::with_capacity(batch.len());
    let mut written = Vec::with_capacity(batch.len());
    let mut appended = Vec::with_capacity(batch.len());
    for append in batch {
        appended.push(match numbering.place(append) {
            Placement::Next(first) => {
                push_rows(&mut rows, append, append.payment_id.partition(partitions), first);
                written.push(append);
                Appended::At(last_position(append, first))
            }
            Placement::There(position) => Appended::At(position),
            Placement::Conflict => Appended::Conflict,
        });
    }
    (rows, written, appended)
}

async fn read_heads(
    database: &Database,
    writer: &mut SqliteConnection,
    partitions: u16,
) -> Result<BTreeMap<Partition, u64>, StoreError> {
    let rows = sqlx::query("SELECT partition, head FROM ledger_partition")
        .fetch_all(writer)
        .await
        .map_err(|error| database.unavailable(&error))?;
    let mut heads = BTreeMap::new();
    for row in &rows {
        let partition = row.try_get(0).map_err(|error| damaged(&error))?;
        heads.insert(Partition::new(partition), unsigned(row, 1)?);
    }
    match Partition::all(partitions).find(|partition| !heads.contains_key(partition)) {
        None => Ok(heads),
        Some(partition) => Err(StoreError::Damaged {
            store: STORE,
            cause: format!("partition {partition} has no head"),
        }),
    }
}

/// Tells the numbering what stands in the ledger of the batch's payments.
async fn recall(
    database: &Database,
    writer: &mut SqliteConnection,
    partitions: u16,
    batch: &[Append],
    numbering: &mut Numbering,
) -> Result<(), StoreError> {
    let mut lowest = BTreeMap::new();
    for append in batch {
        let first = lowest.entry(append.payment_id).or_insert(append.first_version);
        *first = append.first_version.min(*first);
    }
    let wanted = lowest.iter().map(|(payment, first)| {
        let partition = payment.partition(partitions);
        let from = first.saturating_sub(1);
        format!("[{partition},\"{}\",{from}]", payment.uuid().simple())
    });
    let rows = sqlx::query(
        "SELECT e.payment_id, e.version, e.event_id, e.position
         FROM json_each(?) w CROSS JOIN event e
             ON e.partition = w.value ->> 0 AND e.payment_id = unhex(w.value ->> 1)
             AND e.version >= w.value ->> 2",
    )
    .bind(json_list(wanted))
    .fetch_all(writer)
    .await
    .map_err(|error| database.unavailable(&error))?;
    for row in &rows {
        let version = row.try_get(1).map_err(|error| damaged(&error))?;
        numbering.recall(payment_id(row, 0)?, version, event_id(row, 2)?, unsigned(row, 3)?);
    }
    Ok(())
}

/// The new heads of the partitions written to, as JSON.
fn moved_heads<'a>(
    written: impl Iterator<Item = &'a Append>,
    partitions: u16,
    numbering: &Numbering,
) -> String {
    let moved: BTreeSet<Partition> =
        written.map(|append| append.payment_id.partition(partitions)).collect();
    let heads = numbering.heads().iter().filter(|(partition, _)| moved.contains(partition));
    json_list(heads.map(|(partition, head)| format!("[{partition},{head}]")))
}

fn json_list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let mut list = String::from("[");
    for (index, item) in items.enumerate() {
        let separator = if index == 0 { "" } else { "," };
        // Writing to a String can't fail.
        let _ = write!(list, "{separator}{item}");
    }
    list.push(']');
    list
}
