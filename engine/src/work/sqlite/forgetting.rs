//! Losing work rows on purpose.

use async_trait::async_trait;

use super::super::forgetting::{FORGET, ForgetWork};
use super::SqliteWork;
use crate::ledger::StoreError;

#[async_trait]
impl ForgetWork for SqliteWork {
    async fn forget(&self) -> Result<(), StoreError> {
        let mut writer = self.database.writer().await;
        let mut tx = self.database.begin(&mut writer).await?;
        for statement in FORGET {
            let done = sqlx::query(statement).execute(&mut *tx).await;
            done.map_err(|error| self.database.unavailable(&error))?;
        }
        tx.commit().await.map_err(|error| self.database.answer_lost(&error))
    }
}
