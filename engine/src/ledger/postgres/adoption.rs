//! Raising the incarnation, as the owner of the ledger.

use async_trait::async_trait;

use super::super::{Adoption, StoreError};
use super::PostgresLedger;
use super::read::number;
use crate::clock::Timestamp;
use crate::ids::Partition;
use crate::postgres::is_forbidden;
use crate::postgres::values::{bigint, smallint, timestamptz};

const LOCK: &str = "SELECT FROM ledger FOR UPDATE";

#[async_trait]
impl Adoption for PostgresLedger {
    async fn adopt(
        &self,
        begun_after: &[(Partition, u64)],
        at: Timestamp,
    ) -> Result<u32, StoreError> {
        let of_owner = |error: StoreError| match error {
            StoreError::Refused(_) => not_the_owner(),
            error => error,
        };
        let failed = |error: sqlx::Error| match is_forbidden(&error) {
            true => not_the_owner(),
            false => self.database.unavailable(&error),
        };
        let mut tx = self.database.begin(LOCK).await.map_err(of_owner)?;
        let partitions: Vec<_> =
            begun_after.iter().map(|(partition, _)| smallint(*partition)).collect();
        let positions: Vec<_> = begun_after.iter().map(|(_, position)| bigint(*position)).collect();
        let recording = sqlx::query(
            "INSERT INTO incarnation (incarnation, partition, begun_after, adopted_at)
             SELECT ledger.incarnation + 1, start.partition, start.position, $3
             FROM ledger CROSS JOIN unnest($1::int2[], $2::int8[]) AS start (partition, position)",
        );
        let recording = recording.bind(partitions).bind(positions).bind(timestamptz(at));
        tx.execute(recording).await.map_err(failed)?;
        let raising = sqlx::query_scalar::<_, i32>(
            "UPDATE ledger SET incarnation = incarnation + 1 RETURNING incarnation",
        );
        let raised = raising.fetch_one(tx.connection()).await.map_err(failed)?;
        tx.commit().await?;
        number(raised)
    }
}

fn not_the_owner() -> StoreError {
    StoreError::Refused(
        "only the owner of the ledger may adopt it: name the owner in --database-url".to_owned(),
    )
}
