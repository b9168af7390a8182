//! What is measured once a second, for operators.

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::Head;
use tokio::time::Instant;

use super::{PARKED_MAX, Projector};
use crate::error::ViewError;
use crate::lag::lag_to;
use crate::views::ViewCursors;

/// Others write meanwhile, take parked payments up again, and may lose or set back the views.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

impl Projector {
    pub(super) async fn count_parked(&mut self) -> Result<(), ViewError> {
        if self.counted_at.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return Ok(());
        }
        let counts = self.views.parked_counts().await?;
        let own = counts.into_iter().filter(|(partition, _)| self.held.contains(partition));
        let own: BTreeMap<Partition, u64> = own.collect();
        self.counted_at = Some(Instant::now());
        // Views that were lost or set back while nothing new comes are noticed by this alone.
        self.cursors = None;
        self.stopped.retain(|_, error| !matches!(error, ViewError::TooManyParked { .. }));
        for (partition, count) in &own {
            if *count >= PARKED_MAX {
                let (partition, count) = (*partition, *count);
                self.stop_partition(partition, ViewError::TooManyParked { partition, count });
            }
        }
        let parked = own.values().sum();
        self.metrics.parked(parked);
        self.health.send_modify(|health| health.parked = parked);
        self.say_what_stands();
        Ok(())
    }

    /// How far the held partitions are behind the ledger's heads.
    pub(super) async fn measure_lag(
        &mut self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        heads: &[Head],
    ) -> Result<(), ViewError> {
        if self.measured_at.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return Ok(());
        }
        let held = heads.iter().filter(|head| self.held.contains(&head.partition));
        let heads: Vec<Head> = held.copied().collect();
        let position =
            |head: &Head| cursors.get(&head.partition).map_or(0, |c| c.lowest().position);
        let positions: Vec<_> = heads.iter().map(|head| (head.partition, position(head))).collect();
        let behind = heads.iter().map(|head| head.position.saturating_sub(position(head)));
        let behind = behind.fold(0, u64::saturating_add);
        let lag = lag_to(&*self.ledger, &*self.clock, &heads, &positions).await?;
        self.metrics.behind(behind, lag);
        self.measured_at = Some(Instant::now());
        Ok(())
    }
}
