//! Setting views back to their start.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use sqlx::{AssertSqlSafe, Connection};

use super::super::View;
use super::super::forgetting::{ForgetViews, TABLES};
use super::{SqliteViews, failed};
use crate::error::ViewError;

#[async_trait]
impl ForgetViews for SqliteViews {
    async fn forget(&self, partitions: &[Partition]) -> Result<(), ViewError> {
        let mut writer = self.database.writer().await;
        let begun = writer.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = begun.map_err(failed(View::Payments))?;
        for partition in partitions {
            for table in TABLES {
                let delete = AssertSqlSafe(format!("DELETE FROM {table} WHERE partition = ?"));
                let done = sqlx::query(delete).bind(partition.number()).execute(&mut *tx).await;
                done.map_err(failed(View::Payments))?;
            }
            sqlx::query(
                "UPDATE view_cursor SET position = 0, event_id = NULL, topic_offset = NULL
                 WHERE partition = ?",
            )
            .bind(partition.number())
            .execute(&mut *tx)
            .await
            .map_err(failed(View::Payments))?;
        }
        tx.commit().await.map_err(failed(View::Payments))
    }
}
