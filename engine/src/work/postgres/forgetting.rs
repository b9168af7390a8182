//! Losing work rows on purpose.

use async_trait::async_trait;

use super::super::forgetting::{FORGET, ForgetWork};
use super::PostgresWork;
use crate::ledger::StoreError;

const LOCK: &str = "SELECT FROM work_cursor ORDER BY partition FOR UPDATE";

#[async_trait]
impl ForgetWork for PostgresWork {
    async fn forget(&self) -> Result<(), StoreError> {
        let mut tx = self.claims.begin(LOCK).await?;
        for statement in FORGET {
            let done = tx.execute(sqlx::query(statement)).await;
            done.map_err(|error| self.claims.unavailable(&error))?;
        }
        tx.commit().await
    }
}
