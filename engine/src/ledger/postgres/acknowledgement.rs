//! Acknowledgements beside the events.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::super::{Acknowledgement, Acknowledgements, StoreError};
use super::PostgresLedger;
use super::read::{damaged, payment_id, version};
use crate::ids::PaymentId;
use crate::postgres::values::{Moment, smallint, timestamptz};

#[async_trait]
impl Acknowledgements for PostgresLedger {
    async fn acknowledge(&self, given: &Acknowledgement) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "INSERT INTO acknowledgement (partition, payment_id, version, said_by, why, at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(smallint(self.partition_of(given.payment_id)))
        .bind(given.payment_id.uuid())
        .bind(i32::try_from(given.version).unwrap_or(i32::MAX))
        .bind(&*given.by)
        .bind(&*given.why)
        .bind(timestamptz(given.at));
        let added = self.database.in_time(query.execute(self.database.pool())).await;
        added
            .map(|added| added.rows_affected() > 0)
            .map_err(|error| self.database.commit_failed(&error))
    }

    async fn acknowledged(
        &self,
        payment_id: PaymentId,
    ) -> Result<Vec<Acknowledgement>, StoreError> {
        let query = sqlx::query(
            "SELECT payment_id, version, said_by, why, at FROM acknowledgement
             WHERE partition = $1 AND payment_id = $2 ORDER BY version",
        )
        .bind(smallint(self.partition_of(payment_id)))
        .bind(payment_id.uuid());
        let rows = self.database.answered(query.fetch_all(self.database.pool())).await?;
        rows.iter().map(acknowledgement).collect()
    }
}

fn acknowledgement(row: &PgRow) -> Result<Acknowledgement, StoreError> {
    let failed = |error: sqlx::Error| damaged(&error);
    Ok(Acknowledgement {
        payment_id: payment_id(row, 0)?,
        version: version(row, 1)?,
        by: row.try_get::<&str, _>(2).map_err(failed)?.into(),
        why: row.try_get::<&str, _>(3).map_err(failed)?.into(),
        at: row.try_get::<Moment, _>(4).map_err(failed)?.or_last(),
    })
}
