//! When an operation without an outcome is asked about again. It is never failed by the clock: the
//! last step repeats for ever, and after a day people are told.

use std::time::Duration;

use crate::clock::Timestamp;

/// The waits between attempts; the last one repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InquirySchedule {
    first: Duration,
    rest: Vec<Duration>,
    flag_after: Duration,
}

/// A list of waits that would leave an operation unasked, or ask without a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an inquiry schedule needs at least one wait, and every wait must be longer than zero")]
pub struct UnusableSchedule;

impl InquirySchedule {
    /// Flags an operation `flag_after` it was opened.
    ///
    /// # Errors
    /// When `waits` is empty or holds a zero.
    pub fn new(waits: &[Duration], flag_after: Duration) -> Result<Self, UnusableSchedule> {
        match waits {
            [first, rest @ ..] if !waits.contains(&Duration::ZERO) => {
                Ok(Self { first: *first, rest: rest.to_vec(), flag_after })
            }
            _ => Err(UnusableSchedule),
        }
    }

    /// The wait before the next attempt, after `attempts` others were followed by a wait.
    #[must_use]
    pub fn delay(&self, attempts: u32) -> Duration {
        let Some(later) = attempts.checked_sub(1) else { return self.first };
        let later = usize::try_from(later).unwrap_or(usize::MAX);
        self.rest.get(later).or_else(|| self.rest.last()).copied().unwrap_or(self.first)
    }

    /// Whether an operation opened then has been open for so long that people should look.
    #[must_use]
    pub fn is_flagged(&self, opened_at: Timestamp, now: Timestamp) -> bool {
        after(opened_at, self.flag_after) <= now
    }

    /// What was opened then, or before, is flagged now.
    #[must_use]
    pub fn flagged_since(&self, now: Timestamp) -> Timestamp {
        let millis = i64::try_from(self.flag_after.as_millis()).unwrap_or(i64::MAX);
        now.plus_millis(millis.saturating_neg())
    }
}

impl Default for InquirySchedule {
    /// 2 s, 10 s, 30 s, 2 min, 10 min, then every hour; flagged after a day.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            rest: [10, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec(),
            flag_after: Duration::from_secs(24 * 3_600),
        }
    }
}

/// `wait` after `start`.
pub(super) fn after(start: Timestamp, wait: Duration) -> Timestamp {
    start.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_follow_the_schedule_and_the_last_repeats() {
        let schedule = InquirySchedule::default();
        let seconds = [2, 10, 30, 120, 600, 3_600, 3_600, 3_600];
        for (attempts, seconds) in (0..).zip(seconds) {
            let delay = schedule.delay(attempts);
            assert_eq!(delay, Duration::from_secs(seconds), "after {attempts} attempts");
        }
        assert_eq!(schedule.delay(u32::MAX), Duration::from_secs(3_600));
    }

    #[test]
    fn a_schedule_of_one_wait_repeats_it() {
        let wait = Duration::from_secs(7);
        let schedule = InquirySchedule::new(&[wait], Duration::MAX).unwrap();
        for attempts in [0, 1, 2, 1_000] {
            assert_eq!(schedule.delay(attempts), wait, "after {attempts} attempts");
        }
    }

    #[test]
    fn an_operation_is_flagged_from_a_day_after_it_was_opened() {
        let opened_at = Timestamp::from_millis(1_000_000);
        let day = 24 * 3_600 * 1_000;
        for (age_ms, flagged) in [(0, false), (day - 1, false), (day, true), (2 * day, true)] {
            let now = opened_at.plus_millis(age_ms);
            let found = InquirySchedule::default().is_flagged(opened_at, now);
            assert_eq!(found, flagged, "{age_ms} ms after it was opened");
        }
    }

    #[test]
    fn a_schedule_without_waits_or_with_a_zero_is_refused() {
        for waits in [&[][..], &[Duration::ZERO], &[Duration::from_secs(1), Duration::ZERO]] {
            let schedule = InquirySchedule::new(waits, Duration::from_secs(1));
            assert_eq!(schedule, Err(UnusableSchedule), "{waits:?}");
        }
    }

    #[test]
    fn a_flag_that_is_never_raised_does_not_overflow() {
        let schedule = InquirySchedule::new(&[Duration::from_secs(1)], Duration::MAX).unwrap();
        assert!(!schedule.is_flagged(Timestamp::from_millis(5), Timestamp::from_millis(6)));
    }
}
