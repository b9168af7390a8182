//! What `/readyz` asks of this process's roles, and how lists measure their lag.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::{Probe, ViewLag};
use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::Ledger;
use daybook_engine::workers::Workers;
use daybook_projections::Health;
use daybook_relay::RelayHealth;
use daybook_relay::breaker::BreakerState;
use tokio::sync::watch;

pub(super) struct LedgerProbe(pub(super) Arc<dyn Ledger>);

#[async_trait]
impl Probe for LedgerProbe {
    fn name(&self) -> &str {
        "ledger"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.heads().await.map(|_| ()).map_err(|error| error.to_string())
    }
}

pub(super) struct WorkersProbe(pub(super) Workers);

#[async_trait]
impl Probe for WorkersProbe {
    fn name(&self) -> &str {
        "workers"
    }

    async fn check(&self) -> Result<(), String> {
        if self.0.is_running() {
            Ok(())
        } else {
            Err("the workers have stopped; the log says why".to_owned())
        }
    }
}

/// Partitions that stand still do so alone: money goes on in the others.
pub(super) struct StandingProbe(pub(super) Workers);

#[async_trait]
impl Probe for StandingProbe {
    fn name(&self) -> &str {
        "worker partitions"
    }

    fn is_required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), String> {
        let standing = self.0.standing();
        let causes = standing
            .iter()
            .map(|(partition, cause)| format!("partition {partition} stands still at {cause}"));
        let causes: Vec<_> = causes.collect();
        if causes.is_empty() { Ok(()) } else { Err(causes.join("; ")) }
    }
}

pub(super) struct ProjectionsProbe(pub(super) watch::Receiver<Health>);

#[async_trait]
impl Probe for ProjectionsProbe {
    fn name(&self) -> &str {
        "projections"
    }

    /// Views that stand still say so in every answer; money goes on without them.
    fn is_required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), String> {
        let health = self.0.borrow();
        let partitions = health
            .partitions
            .iter()
            .map(|(partition, cause)| format!("partition {partition} stands still: {cause}"));
        let waiting = health.waiting.iter().map(|cause| format!("the views wait: {cause}"));
        let parked = (health.parked > 0)
            .then(|| format!("{} payments are parked: see `daybook parked list`", health.parked));
        let halted = health.halted.iter().cloned();
        let causes: Vec<_> = halted.chain(waiting).chain(partitions).chain(parked).collect();
        if causes.is_empty() { Ok(()) } else { Err(causes.join("; ")) }
    }
}

pub(super) struct RelayProbe {
    pub(super) health: watch::Receiver<RelayHealth>,
    pub(super) is_required: bool,
}

#[async_trait]
impl Probe for RelayProbe {
    fn name(&self) -> &str {
        "relay"
    }

    fn is_required(&self) -> bool {
        self.is_required
    }

    async fn check(&self) -> Result<(), String> {
        let health = self.health.borrow();
        if let Some(cause) = &health.stopped {
            return Err(cause.clone());
        }
        if health.breaker == BreakerState::Closed {
            return Ok(());
        }
        let cause = health.cause.as_deref().unwrap_or("no cause is known");
        Err(format!(
            "the breaker is {}: {cause}; {} events are not published yet, the oldest for {} s",
            health.breaker.as_str(),
            health.outbox.events,
            health.outbox.age.as_secs()
        ))
    }
}

/// Lag, measured against the ledger's heads.
pub(super) struct LedgerLag {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl ViewLag for LedgerLag {
    async fn lag(&self, positions: &[(Partition, u64)]) -> Option<Duration> {
        let lag = daybook_projections::lag(self.ledger.as_ref(), self.clock.as_ref(), positions);
        lag.await.inspect_err(|error| tracing::warn!(%error, "the lag is not known")).ok()
    }
}
