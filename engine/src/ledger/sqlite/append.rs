//! Appending: the heads are read and moved in the transaction that inserts the events, so the
//! order of positions is the order of commits.
//!
//! sqlx rolls a dropped transaction back before it runs the connection's next statement, so a
//! caller may drop an append at any await.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::super::numbering::{Numbering, Placement, last_position};
use super::super::{Append, Appended, StoreError};
use super::STORE;
use super::insert::{insert_events, insert_texts, is_constraint, push_rows};
use super::read::{damaged, event_id, payment_id, unsigned};
use crate::ids::Partition;
use crate::sqlite::Database;

pub(super) async fn append(
    database: &Database,
    partitions: u16,
    batch: &[Append],
) -> Result<Option<Vec<Appended>>, StoreError> {
    if batch.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut writer = database.writer().await;
    let mut tx = database.begin(&mut writer).await?;
    let mut numbering = read_heads(database, &mut tx, partitions, batch).await?;
    let mut rows = Vec::with_capacity(batch.len());
    let mut appended = Vec::with_capacity(batch.len());
    for append in batch {
        let first = numbering.number(append);
        push_rows(&mut rows, append, append.payment_id.partition(partitions), first);
        appended.push(Appended::At(last_position(append, first)));
    }
    if let Err(error) = insert_events(&mut tx, &rows).await {
        if is_constraint(&error) {
            tx.rollback().await.map_err(|error| database.unavailable(&error))?;
            return Ok(None);
        }
        return Err(database.unavailable(&error));
    }
    let texts: Vec<&Append> = batch.iter().collect();
    finish(database, &mut tx, partitions, &texts, &numbering).await?;
    tx.commit().await.map_err(|error| database.answer_lost(&error))?;
    Ok(Some(appended))
}

pub(super) async fn append_tolerant(
    database: &Database,
    partitions: u16,
    batch: &[Append],
) -> Result<Vec<Appended>, StoreError> {
    let mut writer = database.writer().await;
    let mut tx = database.begin(&mut writer).await?;
    let mut numbering = read_heads(database, &mut tx, partitions, batch).await?;
    recall(database, &mut tx, partitions, batch, &mut numbering).await?;
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
    if rows.is_empty() {
        tx.rollback().await.map_err(|error| database.unavailable(&error))?;
        return Ok(appended);
    }
    insert_events(&mut tx, &rows).await.map_err(|error| {
        if is_constraint(&error) { damaged(&error) } else { database.unavailable(&error) }
    })?;
    finish(database, &mut tx, partitions, &written, &numbering).await?;
    tx.commit().await.map_err(|error| database.answer_lost(&error))?;
    Ok(appended)
}

async fn read_heads(
    database: &Database,
    tx: &mut SqliteConnection,
    partitions: u16,
    batch: &[Append],
) -> Result<Numbering, StoreError> {
    let wanted: BTreeSet<Partition> =
        batch.iter().map(|append| append.payment_id.partition(partitions)).collect();
    let rows = sqlx::query(
        "SELECT partition, head FROM ledger_partition
         WHERE partition IN (SELECT value FROM json_each(?))",
    )
    .bind(json_list(wanted.iter()))
    .fetch_all(tx)
    .await
    .map_err(|error| database.unavailable(&error))?;
    let mut heads = BTreeMap::new();
    for row in &rows {
        let partition = row.try_get(0).map_err(|error| damaged(&error))?;
        heads.insert(Partition::new(partition), unsigned(row, 1)?);
    }
    match wanted.into_iter().find(|partition| !heads.contains_key(partition)) {
        None => Ok(Numbering::new(partitions, heads)),
        Some(partition) => Err(StoreError::Damaged {
            store: STORE,
            cause: format!("partition {partition} has no head"),
        }),
    }
}

/// Tells the numbering what stands in the ledger of the batch's payments.
async fn recall(
    database: &Database,
    tx: &mut SqliteConnection,
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
    .fetch_all(tx)
    .await
    .map_err(|error| database.unavailable(&error))?;
    for row in &rows {
        let version = row.try_get(1).map_err(|error| damaged(&error))?;
        numbering.recall(payment_id(row, 0)?, version, event_id(row, 2)?, unsigned(row, 3)?);
    }
    Ok(())
}

/// The texts and the new heads.
async fn finish(
    database: &Database,
    tx: &mut SqliteConnection,
    partitions: u16,
    written: &[&Append],
    numbering: &Numbering,
) -> Result<(), StoreError> {
    insert_texts(tx, partitions, written).await.map_err(|error| database.unavailable(&error))?;
    let moved: BTreeSet<Partition> =
        written.iter().map(|append| append.payment_id.partition(partitions)).collect();
    let heads = numbering.heads().iter().filter(|(partition, _)| moved.contains(partition));
    let done = sqlx::query(
        "UPDATE ledger_partition SET head = h.value ->> 1 FROM json_each(?) h
         WHERE partition = h.value ->> 0",
    )
    .bind(json_list(heads.map(|(partition, head)| format!("[{partition},{head}]"))))
    .execute(tx)
    .await
    .map_err(|error| database.unavailable(&error))?;
    if done.rows_affected() == moved.len() as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged {
        store: STORE,
        cause: format!("{} of {} heads could be moved", done.rows_affected(), moved.len()),
    })
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
