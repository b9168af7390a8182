//! Time in a run: one paused timeline, and clocks that disagree about the time of day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use daybook_engine::clock::{Clock, Timestamp};
use tokio::time::Instant;

/// 2026-11-23T00:00:00Z.
const BEGAN: i64 = 1_795_392_000_000;

/// How far a process's clock may be off, either way.
pub(crate) const SKEW_MAX_MS: i64 = 200;

/// When the run began; it never moves by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline(Instant);

impl Timeline {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the run began.
    pub(crate) fn now_ms(self) -> u64 {
        self.ms(Instant::now())
    }

    pub(crate) fn ms(self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.0).as_millis()).unwrap_or(u64::MAX)
    }

    /// The time of day by a clock that is so much ahead.
    pub(crate) fn time(self, ahead_ms: i64) -> Timestamp {
        let passed = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millis(BEGAN.saturating_add(passed).saturating_add(ahead_ms))
    }
}

/// A clock that is right but for its skew; a database's is right.
#[derive(Debug)]
pub(crate) struct SkewedClock {
    timeline: Timeline,
    ahead_ms: AtomicI64,
}

impl SkewedClock {
    pub(crate) fn new(timeline: Timeline, ahead_ms: i64) -> Arc<Self> {
        Arc::new(Self { timeline, ahead_ms: AtomicI64::new(ahead_ms) })
    }

    /// Sets it, whatever it showed before.
    pub(crate) fn step_to(&self, ahead_ms: i64) {
        self.ahead_ms.store(ahead_ms, Ordering::SeqCst);
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.timeline.time(self.ahead_ms.load(Ordering::SeqCst))
    }
}
