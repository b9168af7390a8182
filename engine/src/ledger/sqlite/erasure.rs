//! Erasing texts in `ledger.db`.

use async_trait::async_trait;

use super::super::{Erasure, StoreError};
use super::SqliteLedger;
use crate::event_text::TextName;
use crate::ids::PaymentId;

#[async_trait]
impl Erasure for SqliteLedger {
    async fn erase(&self, payment_id: PaymentId, names: &[TextName]) -> Result<u64, StoreError> {
        let mut writer = self.database.writer().await;
        let unavailable = |error: sqlx::Error| self.database.unavailable(&error);
        // What a text leaves free is overwritten with zeros.
        sqlx::query("PRAGMA secure_delete = ON")
            .execute(&mut *writer)
            .await
            .map_err(unavailable)?;
        let mut tx = self.database.begin(&mut writer).await?;
        let mut count = 0_u64;
        for name in names {
            let erased = sqlx::query(
                "UPDATE event_text SET text = NULL, salt = NULL
                 WHERE partition = ? AND payment_id = ? AND name = ?
                     AND (text IS NOT NULL OR salt IS NOT NULL)",
            )
            .bind(self.partition_of(payment_id).number())
            .bind(payment_id.uuid().into_bytes().to_vec())
            .bind(name.as_str())
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
            count = count.saturating_add(erased.rows_affected());
        }
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))?;
        Ok(count)
    }
}
