//! How often the projector looks, and how it lets batches build up under load.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::Outcome;
use crate::error::ViewError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Events of one transaction, about.
    pub batch_max: u32,
    /// The least time between two transactions, unless the batches are full: many small commits
    /// would cost more than the events in them.
    pub gather: Duration,
    /// How long an idle projector waits for a wake-up before it looks by itself.
    pub poll: Duration,
    /// The longest wait after a failure; it begins with `gather` and doubles.
    pub backoff_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch_max: 6_000,
            gather: Duration::from_millis(100),
            poll: Duration::from_millis(250),
            backoff_max: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// Whether a step of so many events was ended by the bound and not by the feed's end. Shares are rounded
    /// down, so a batch that was cut may be a little short of it.
    pub(super) fn is_full(&self, events: usize) -> bool {
        u32::try_from(events).map_or(true, |events| events >= self.batch_max / 2)
    }
}

pub(super) struct Pacing {
    pace: Pace,
    backoff: Duration,
    /// How long the next idle wait is: short after something happened, since another process may
    /// be writing, whose commits nobody announces here.
    look: Duration,
}

const FIRST_LOOK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    For(Duration),
    UntilWoken(Duration),
}

impl Pacing {
    pub(super) const fn new(pace: Pace) -> Self {
        Self { pace, backoff: pace.gather, look: FIRST_LOOK }
    }

    pub(super) fn after(&mut self, outcome: Result<Outcome, ViewError>) -> Pause {
        match outcome {
            Ok(outcome) => {
                self.backoff = self.pace.gather;
                self.after_success(outcome)
            }
            Err(error) => {
                tracing::warn!(%error, wait_ms = self.backoff.as_millis(), "the views wait");
                let wait = self.backoff;
                self.backoff = wait.saturating_mul(2).min(self.pace.backoff_max);
                Pause::For(wait)
            }
        }
    }

    fn after_success(&mut self, outcome: Outcome) -> Pause {
        if outcome != Outcome::Idle {
            self.look = FIRST_LOOK;
        }
        match outcome {
            Outcome::Applied(events) if self.pace.is_full(events) => Pause::For(Duration::ZERO),
            Outcome::Applied(_) => Pause::For(self.pace.gather),
            Outcome::Idle => {
                let look = self.look.min(self.pace.poll);
                self.look = look.saturating_mul(2);
                Pause::UntilWoken(look)
            }
        }
    }
}

impl Pause {
    pub(super) async fn over(self, wake: &mut watch::Receiver<()>) {
        match self {
            Self::For(wait) => sleep(wait).await,
            Self::UntilWoken(wait) => {
                // Without a sender nobody wakes us, and polling goes on.
                let woken = async {
                    if wake.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    biased;
                    () = woken => {}
                    () = sleep(wait) => {}
                }
            }
        }
    }
}
