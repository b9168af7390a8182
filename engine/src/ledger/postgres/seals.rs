//! The seals beside the events.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::{PgBindIterExt, PgRow};

use super::super::StoreError;
use super::PostgresLedger;
use super::read::{damaged, number, unsigned};
use crate::ids::Partition;
use crate::postgres::is_constraint;
use crate::postgres::values::{Moment, bigint, smallint, timestamptz};
use crate::seal::{Seal, SealHash, SealStore, Sealed};

#[async_trait]
impl SealStore for PostgresLedger {
    async fn last_seals(&self, partitions: &[Partition]) -> Result<Vec<Option<Seal>>, StoreError> {
        let query = sqlx::query(
            "SELECT s.partition, s.number, s.position, s.hash, s.incarnation, s.sealed_at
             FROM unnest($1::int2[]) p (partition)
             CROSS JOIN LATERAL (
                 SELECT * FROM seal WHERE partition = p.partition ORDER BY number DESC LIMIT 1
             ) s",
        )
        .bind(partitions.iter().map(|partition| smallint(*partition)).bind_iter());
        let rows = self.database.answered(query.fetch_all(self.database.pool())).await?;
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
        let query = sqlx::query(
            "SELECT partition, number, position, hash, incarnation, sealed_at FROM seal
             WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(smallint(partition))
        .bind(bigint(after))
        .bind(i64::from(limit));
        let rows = self.database.answered(query.fetch_all(self.database.pool())).await?;
        rows.iter().map(seal).collect()
    }

    async fn add_seal(&self, seal: &Seal) -> Result<Sealed, StoreError> {
        let query = sqlx::query(
            "INSERT INTO seal (partition, number, position, hash, incarnation, sealed_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(smallint(seal.partition))
        .bind(bigint(seal.number))
        .bind(bigint(seal.position))
        .bind(seal.hash.0.to_vec())
        .bind(i32::try_from(seal.incarnation).unwrap_or(i32::MAX))
        .bind(timestamptz(seal.sealed_at));
        match self.database.in_time(query.execute(self.database.pool())).await {
            Ok(_) => Ok(Sealed::Added),
            // Its number is taken, which the key says or the trigger.
            Err(error) if is_constraint(&error) => Ok(Sealed::Superseded),
            Err(error) => Err(self.database.commit_failed(&error)),
        }
    }
}

fn seal(row: &PgRow) -> Result<Seal, StoreError> {
    let failed = |error: sqlx::Error| damaged(&error);
    let hash: &[u8] = row.try_get(3).map_err(failed)?;
    Ok(Seal {
        partition: Partition::new(number(row.try_get::<i16, _>(0).map_err(failed)?)?),
        number: unsigned(row, 1)?,
        position: unsigned(row, 2)?,
        hash: SealHash(hash.try_into().map_err(|_| damaged(&"a seal's hash is not 32 bytes"))?),
        incarnation: number(row.try_get::<i32, _>(4).map_err(failed)?)?,
        sealed_at: row.try_get::<Moment, _>(5).map_err(failed)?.or_last(),
    })
}
