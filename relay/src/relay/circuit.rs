//! The breaker as the relay uses it: waited for, and told of to log, metrics and health.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Relay, RelayError};
use crate::breaker::{Breaker, BreakerState};

pub(super) struct Circuit {
    relay: Relay,
    breaker: Breaker,
    random: StdRng,
}

impl Circuit {
    pub(super) fn new(relay: &Relay) -> Self {
        let circuit = Self {
            breaker: Breaker::new(relay.settings.backoff),
            random: StdRng::seed_from_u64(relay.on.seed),
            relay: relay.clone(),
        };
        circuit.relay.metrics.breaker(BreakerState::Closed);
        circuit
    }

    pub(super) fn is_closed(&self) -> bool {
        self.breaker.state() == BreakerState::Closed
    }

    /// Waits until something may be tried; `false` where `stop` came first.
    pub(super) async fn closes(&mut self, stop: &CancellationToken) -> bool {
        while !stop.is_cancelled() {
            let before = self.breaker.state();
            if self.breaker.attempt(Instant::now()) {
                self.tell(before, None);
                return true;
            }
            let wait = self.breaker.wait(Instant::now());
            let _ = tokio::time::timeout(wait, stop.cancelled()).await;
        }
        false
    }

    pub(super) fn failed(&mut self, error: &RelayError) {
        let before = self.breaker.state();
        self.breaker.failed(Instant::now(), self.random.random());
        self.tell(before, Some(error));
    }

    pub(super) fn succeeded(&mut self) {
        let before = self.breaker.state();
        if before != BreakerState::Closed {
            self.breaker.succeeded();
            self.tell(before, None);
        }
    }

    fn tell(&self, before: BreakerState, error: Option<&RelayError>) {
        let state = self.breaker.state();
        let cause = error.map(ToString::to_string);
        if let Some(cause) = &cause {
            let wait_ms = self.breaker.wait(Instant::now()).as_millis();
            let failures = self.breaker.failures();
            tracing::warn!(
                cause,
                failures,
                wait_ms,
                "nothing can be published; the breaker is open"
            );
        } else if before != state {
            tracing::info!(state = state.as_str(), "the breaker of the relay");
        }
        if before != state {
            self.relay.metrics.breaker(state);
        }
        self.relay.health.send_modify(|health| {
            health.breaker = state;
            match state {
                BreakerState::Closed => health.cause = None,
                _ if cause.is_some() => health.cause = cause,
                _ => {}
            }
        });
    }
}
