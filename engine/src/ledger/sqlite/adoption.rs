//! Raising the incarnation in `ledger.db`.

use async_trait::async_trait;

use super::super::{Adoption, StoreError};
use super::SqliteLedger;
use crate::clock::Timestamp;
use crate::ids::Partition;

#[async_trait]
impl Adoption for SqliteLedger {
    async fn adopt(
        &self,
        begun_after: &[(Partition, u64)],
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        let mut writer = self.database.writer().await;
        let mut tx = self.database.begin(&mut writer).await?;
        let unavailable = |error: sqlx::Error| self.database.unavailable(&error);
        for (partition, position) in begun_after {
            sqlx::query(
                "INSERT INTO incarnation (incarnation, partition, begun_after, adopted_at)
                 SELECT incarnation + 1, ?, ?, ? FROM ledger",
            )
            .bind(partition.number())
            .bind(i64::try_from(*position).unwrap_or(i64::MAX))
            .bind(at.micros())
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        }
        let raised = sqlx::query_scalar(
            "UPDATE ledger SET incarnation = incarnation + 1 RETURNING incarnation",
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))?;
        Ok(raised)
    }
}
