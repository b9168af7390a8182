//! Setting views back to their start.

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::postgres::values::smallint;
use sqlx::AssertSqlSafe;

use super::super::View;
use super::super::forgetting::{ForgetViews, TABLES};
use super::{PostgresViews, failed};
use crate::error::ViewError;

const LOCK: &str = "SELECT FROM view_cursor ORDER BY partition, view FOR UPDATE";

#[async_trait]
impl ForgetViews for PostgresViews {
    async fn forget(&self, partitions: &[Partition]) -> Result<(), ViewError> {
        let partitions: Vec<_> = partitions.iter().copied().map(smallint).collect();
        let mut tx = self.database.begin(LOCK).await?;
        for table in TABLES {
            let delete = AssertSqlSafe(format!("DELETE FROM {table} WHERE partition = ANY($1)"));
            let deleting = sqlx::query(delete).bind(&partitions);
            tx.execute(deleting).await.map_err(failed(View::Payments))?;
        }
        let reset = sqlx::query(
            "UPDATE view_cursor SET position = 0, event_id = NULL, topic_offset = NULL
             WHERE partition = ANY($1)",
        );
        tx.execute(reset.bind(&partitions)).await.map_err(failed(View::Payments))?;
        Ok(tx.commit().await?)
    }
}
