//! Acknowledgements in `ledger.db`.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{Acknowledgement, Acknowledgements, StoreError};
use super::SqliteLedger;
use super::read::{damaged, payment_id};
use crate::clock::Timestamp;
use crate::ids::PaymentId;

#[async_trait]
impl Acknowledgements for SqliteLedger {
    async fn acknowledge(&self, given: &Acknowledgement) -> Result<bool, StoreError> {
        let mut writer = self.database.writer().await;
        let mut tx = self.database.begin(&mut writer).await?;
        let added = sqlx::query(
            "INSERT INTO acknowledgement (partition, payment_id, version, said_by, why, at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (
                 SELECT 1 FROM acknowledgement
                 WHERE partition = ?1 AND payment_id = ?2 AND version = ?3)",
        )
        .bind(self.partition_of(given.payment_id).number())
        .bind(given.payment_id.uuid().into_bytes().to_vec())
        .bind(given.version)
        .bind(&*given.by)
        .bind(&*given.why)
        .bind(given.at.micros())
        .execute(&mut *tx)
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))?;
        Ok(added.rows_affected() > 0)
    }

    async fn acknowledged(
        &self,
        payment_id: PaymentId,
    ) -> Result<Vec<Acknowledgement>, StoreError> {
        let rows = sqlx::query(
            "SELECT payment_id, version, said_by, why, at FROM acknowledgement
             WHERE partition = ? AND payment_id = ? ORDER BY version",
        )
        .bind(self.partition_of(payment_id).number())
        .bind(payment_id.uuid().into_bytes().to_vec())
        .fetch_all(self.database.readers())
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        rows.iter().map(acknowledgement).collect()
    }
}

fn acknowledgement(row: &SqliteRow) -> Result<Acknowledgement, StoreError> {
    let damaged = |error: sqlx::Error| damaged(&error);
    Ok(Acknowledgement {
        payment_id: payment_id(row, 0)?,
        version: row.try_get(1).map_err(damaged)?,
        by: row.try_get::<&str, _>(2).map_err(damaged)?.into(),
        why: row.try_get::<&str, _>(3).map_err(damaged)?.into(),
        at: Timestamp::from_micros(row.try_get(4).map_err(damaged)?),
    })
}
