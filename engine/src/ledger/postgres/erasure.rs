//! Erasing texts, as the owner of the ledger.

use async_trait::async_trait;

use super::super::{Erasure, StoreError};
use super::PostgresLedger;
use crate::event_text::TextName;
use crate::ids::PaymentId;
use crate::postgres::is_forbidden;
use crate::postgres::values::smallint;

#[async_trait]
impl Erasure for PostgresLedger {
    async fn erase(&self, payment_id: PaymentId, names: &[TextName]) -> Result<u64, StoreError> {
        let failed = |error: sqlx::Error| match is_forbidden(&error) {
            true => not_the_owner(),
            false => self.database.unavailable(&error),
        };
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let erasing = sqlx::query(
            "UPDATE event_text SET text = NULL, salt = NULL
             WHERE partition = $1 AND payment_id = $2 AND name = ANY($3)
                 AND (text IS NOT NULL OR salt IS NOT NULL)",
        );
        let erasing = erasing.bind(smallint(self.partition_of(payment_id)));
        let erasing = erasing.bind(payment_id.uuid()).bind(names);
        let mut tx = self.database.begin("").await?;
        let count = tx.execute(erasing).await.map_err(failed)?;
        tx.commit().await?;
        Ok(count)
    }
}

fn not_the_owner() -> StoreError {
    StoreError::Refused(
        "only the owner of the ledger may erase texts: name the owner in --database-url".to_owned(),
    )
}
