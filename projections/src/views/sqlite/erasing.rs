//! Taking texts out of the texts view.

use async_trait::async_trait;
use daybook_engine::event_text::TextName;
use daybook_engine::ids::{Partition, PaymentId};
use sqlx::Connection;

use super::{SqliteViews, failed};
use crate::error::ViewError;
use crate::views::View;
use crate::views::texts::EraseViewTexts;

const VIEW: View = View::Texts;

#[async_trait]
impl EraseViewTexts for SqliteViews {
    async fn erase_texts(
        &self,
        partition: Partition,
        payment_id: PaymentId,
        names: &[TextName],
    ) -> Result<u64, ViewError> {
        let mut writer = self.database.writer().await;
        // What is deleted is overwritten with zeros, and this commit alone must outlast a power cut: nobody
        // would erase again.
        sqlx::raw_sql("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL")
            .execute(&mut *writer)
            .await
            .map_err(failed(VIEW))?;
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(VIEW))?;
        let mut count = 0_u64;
        for name in names {
            sqlx::query("INSERT INTO erased_text VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
                .bind(partition.number())
                .bind(payment_id.uuid().as_bytes().as_slice())
                .bind(name.as_str())
                .execute(&mut *tx)
                .await
                .map_err(failed(VIEW))?;
            let deleted = sqlx::query(
                "DELETE FROM payment_text WHERE partition = ?1 AND payment_id = ?2
                     AND (name = ?3 OR name LIKE ?3 || '.%')",
            )
            .bind(partition.number())
            .bind(payment_id.uuid().as_bytes().as_slice())
            .bind(name.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed(VIEW))?;
            count = count.saturating_add(deleted.rows_affected());
        }
        tx.commit().await.map_err(failed(VIEW))?;
        Ok(count)
    }
}
