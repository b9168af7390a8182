//! A ledger filled with events that nobody asked for, as a relay finds them.

use std::sync::Arc;

use sqlx::Executor as _;

use super::rows::{Positions, Rows, Texts};
use super::{INSERT, PAYMENTS_PER_STATEMENT};
use crate::failure::Failure;
use crate::postgres::{Database, failed};

/// The checks are for writers of the ledger, and would take most of the time here.
const BEFORE: &str = "
SET synchronous_commit = off;
ALTER TABLE event DISABLE TRIGGER USER;
ALTER TABLE ledger_partition DISABLE TRIGGER USER";
const AFTER: &str = "
UPDATE ledger_partition SET head = coalesce(
    (SELECT max(position) FROM event WHERE event.partition = ledger_partition.partition), 0);
ALTER TABLE event ENABLE TRIGGER USER;
ALTER TABLE ledger_partition ENABLE TRIGGER USER;
ANALYZE event";

/// Appends at least so many events, two a payment; how many.
pub(crate) async fn fill(database: &Database, events: u64) -> Result<u64, Failure> {
    let mut session = database.connection().await?;
    let filling = |error: sqlx::Error| failed("filling the ledger", &error);
    session.execute(sqlx::raw_sql(BEFORE)).await.map_err(filling)?;
    let mut rows = Rows::new(0, Arc::new(Texts::new()), Arc::new(Positions::new()));
    let mut written = 0_u64;
    while written < events {
        rows.fill(PAYMENTS_PER_STATEMENT);
        let texts = rows.texts();
        let done = sqlx::query(INSERT)
            .bind(&rows.partitions)
            .bind(&rows.positions)
            .bind(&rows.payment_ids)
            .bind(&rows.versions)
            .bind(&rows.event_ids)
            .bind(&texts.types)
            .bind(&texts.data)
            .execute(&mut session)
            .await;
        written += done.map_err(filling)?.rows_affected();
    }
    session.execute(sqlx::raw_sql(AFTER)).await.map_err(filling)?;
    Ok(written)
}
