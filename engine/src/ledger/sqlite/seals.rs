//! The seals in `ledger.db`.

use std::fmt::Write as _;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::StoreError;
use super::read::{damaged, unsigned};
use super::{STORE, SqliteLedger};
use crate::clock::Timestamp;
use crate::ids::Partition;
use crate::seal::{Seal, SealHash, SealStore, Sealed};

#[async_trait]
impl SealStore for SqliteLedger {
    async fn last_seals(&self, partitions: &[Partition]) -> Result<Vec<Option<Seal>>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.partition, s.number, s.position, s.hash, s.incarnation, s.sealed_at
             FROM json_each(?) p CROSS JOIN seal s ON s.partition = p.value
                 AND s.number = (SELECT max(number) FROM seal WHERE partition = p.value)",
        )
        .bind(json(partitions))
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        let found = rows.iter().map(seal).collect::<Result<Vec<_>, _>>()?;
        let last = |partition| found.iter().find(|seal| seal.partition == partition).copied();
        Ok(partitions.iter().copied().map(last).collect())
    }

    async fn seals(
        &self,
        partition: Partition,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Seal>, StoreError> {
        let rows = sqlx::query(
            "SELECT partition, number, position, hash, incarnation, sealed_at FROM seal
             WHERE partition = ? AND number > ? ORDER BY number LIMIT ?",
        )
        .bind(partition.number())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        rows.iter().map(seal).collect()
    }

    async fn add_seal(&self, seal: &Seal) -> Result<Sealed, StoreError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut writer = self.database.writer().await;
        let mut tx = self.database.begin(&mut writer).await?;
        let unavailable = |error: sqlx::Error| self.database.unavailable(&error);
        let last: Option<i64> =
            sqlx::query_scalar("SELECT max(number) FROM seal WHERE partition = ?")
                .bind(seal.partition.number())
                .fetch_one(&mut *tx)
                .await
                .map_err(unavailable)?;
        if last.unwrap_or(0).saturating_add(1) != number(seal.number) {
            return Ok(Sealed::Superseded);
        }
        sqlx::query(
            "INSERT INTO seal (partition, number, position, hash, incarnation, sealed_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(seal.partition.number())
        .bind(number(seal.number))
        .bind(number(seal.position))
        .bind(seal.hash.0.to_vec())
        .bind(seal.incarnation)
        .bind(seal.sealed_at.micros())
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))?;
        Ok(Sealed::Added)
    }
}

fn json(partitions: &[Partition]) -> String {
    let mut json = String::from("[");
    for (index, partition) in partitions.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a String can't fail.
        let _ = write!(json, "{comma}{partition}");
    }
    json.push(']');
    json
}

fn seal(row: &SqliteRow) -> Result<Seal, StoreError> {
    let damaged = |error: sqlx::Error| damaged(&error);
    let hash: &[u8] = row.try_get(3).map_err(damaged)?;
    let hash = hash.try_into().map_err(|_| StoreError::Damaged {
        store: STORE,
        cause: "a seal's hash is not 32 bytes".to_owned(),
    });
    Ok(Seal {
        partition: row.try_get(0).map(Partition::new).map_err(damaged)?,
        number: unsigned(row, 1)?,
        position: unsigned(row, 2)?,
        hash: SealHash(hash?),
        incarnation: row.try_get(4).map_err(damaged)?,
        sealed_at: Timestamp::from_micros(row.try_get(5).map_err(damaged)?),
    })
}
