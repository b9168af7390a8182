//! The circuit breaker between the relay and the broker: a state machine, told the time.
//!
//! Closed, records flow. A failure opens it, and nothing is tried until the wait is over; the wait
//! doubles with each failure in a row. Then it is half-open: one attempt, a small one, whose outcome
//! closes it or opens it again.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    HalfOpen,
    Open,
}

impl BreakerState {
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), max: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait after so many failures in a row, shortened by up to half: `spread` (0 to 65,535)
    /// sets processes apart that failed together.
    fn wait(&self, failures: u32, spread: u16) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings).min(self.max);
        let half = whole / 2;
        let share = half.saturating_mul(u32::from(spread)) / u32::from(u16::MAX);
        half.saturating_add(share)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    backoff: Backoff,
    state: BreakerState,
    failures: u32,
    /// When an attempt may be made; only of an open one.
    due: Option<Instant>,
}

impl Breaker {
    #[must_use]
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, state: BreakerState::Closed, failures: 0, due: None }
    }

    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long nothing may be tried yet.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Duration {
        self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    /// Whether an attempt may be made now: an open one whose wait is over becomes half-open.
    pub fn attempt(&mut self, now: Instant) -> bool {
        if self.state == BreakerState::Open {
            if !self.wait(now).is_zero() {
                return false;
            }
            self.state = BreakerState::HalfOpen;
            self.due = None;
        }
        true
    }

    /// What was tried failed.
    pub fn failed(&mut self, now: Instant, spread: u16) {
        self.failures = self.failures.saturating_add(1);
        self.state = BreakerState::Open;
        self.due = now.checked_add(self.backoff.wait(self.failures, spread));
    }

    /// What was tried worked.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
        self.state = BreakerState::Closed;
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1) };

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_closed_breaker_lets_everything_through() {
        let mut breaker = Breaker::new(BACKOFF);
        assert!(breaker.attempt(Instant::now()));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_failure_opens_it_until_the_wait_is_over() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(BACKOFF));
        breaker.failed(start, u16::MAX);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.attempt(after(start, 99)));
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.attempt(after(start, 100)));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }

    #[test]
    fn a_half_open_breaker_closes_on_success_and_opens_on_failure() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(BACKOFF));
        breaker.failed(start, 0);
        assert!(breaker.attempt(after(start, 100)));
        breaker.failed(after(start, 100), 0);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.attempt(after(start, 300)));
        breaker.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.failures(), 0);
    }

    #[test]
    fn the_wait_doubles_up_to_its_bound_and_starts_again_after_a_success() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(BACKOFF));
        let mut waits = Vec::new();
        for _ in 0..40 {
            breaker.failed(start, u16::MAX);
            waits.push(breaker.wait(start).as_millis());
        }
        assert_eq!(waits[..5], [100, 200, 400, 800, 1000]);
        assert!(waits[5..].iter().all(|wait| *wait == 1000), "{waits:?}");
        breaker.succeeded();
        breaker.failed(start, u16::MAX);
        assert_eq!(breaker.wait(start).as_millis(), 100);
    }

    #[test]
    fn the_spread_takes_away_at_most_half() {
        let start = Instant::now();
        for (spread, millis) in [(0, 50), (u16::MAX / 2, 74), (u16::MAX, 100)] {
            let mut breaker = Breaker::new(BACKOFF);
            breaker.failed(start, spread);
            assert_eq!(breaker.wait(start).as_millis(), millis, "{spread}");
        }
    }
}
