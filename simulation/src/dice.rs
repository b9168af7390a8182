//! Chance: every random choice of a run comes from here, and so from its seed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[derive(Debug)]
pub(crate) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// `from` to `to`, both included.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(from..=to)
    }

    /// In so many of 10,000 cases.
    pub(crate) fn chance(&self, of_10_000: u64) -> bool {
        of_10_000 > 0 && self.between(1, 10_000) <= of_10_000
    }

    pub(crate) fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }

    /// One of these; there is at least one.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    pub(crate) fn index(&self, count: usize) -> usize {
        let last = u64::try_from(count).unwrap_or(u64::MAX).saturating_sub(1);
        usize::try_from(self.between(0, last)).unwrap_or(0)
    }

    pub(crate) fn number(&self) -> u64 {
        self.between(0, u64::MAX)
    }
}
