//! How far views are behind: always measured against the ledger's head.

use std::time::Duration;

use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Head, Ledger, StoreError, Stretch};

/// How long the oldest event that `positions` have not reached has been in the ledger: zero where
/// every partition is read to its end. A partition that `positions` doesn't name counts from its
/// start.
///
/// # Errors
/// When the ledger can't be read.
pub async fn lag(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    positions: &[(Partition, u64)],
) -> Result<Duration, StoreError> {
    lag_to(ledger, clock, &ledger.heads().await?, positions).await
}

/// As [`lag`], where the heads are known.
pub(crate) async fn lag_to(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    heads: &[Head],
    positions: &[(Partition, u64)],
) -> Result<Duration, StoreError> {
    let behind: Vec<Stretch> = heads
        .iter()
        .filter_map(|head| {
            let known = positions.iter().find(|(partition, _)| *partition == head.partition);
            let position = known.map_or(0, |(_, position)| *position);
            let from = position.saturating_add(1);
            (position < head.position).then_some(Stretch {
                partition: head.partition,
                from,
                limit: 1,
            })
        })
        .collect();
    if behind.is_empty() {
        return Ok(Duration::ZERO);
    }
    let oldest = ledger.read(&behind).await?.into_iter().map(|recorded| recorded.recorded_at).min();
    let now = clock.now();
    let millis = oldest.map_or(0, |oldest| now.millis().saturating_sub(oldest.millis()));
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}
