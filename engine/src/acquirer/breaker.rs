//! The circuit breaker between this process and an acquirer: a state machine, told the time.
//!
//! Closed, calls flow, and how they end is counted over a sliding window. Where enough of them ended
//! and too many without an answer, it opens: no call is tried and no intent is taken. When the wait is
//! over it is half-open and the acquirer's health is asked about, never with a client's money; answers
//! in a row close it, and one that fails opens it for twice as long. Health alone proves little, so a
//! breaker that was just closed is on trial: few intents are taken until a call is answered, and the
//! first that is not opens it again, for twice as long.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    HalfOpen,
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How far back ended calls count.
    pub window: Duration,
    /// Fewer calls than this within the window say nothing.
    pub calls_min: u32,
    /// It opens where so many of a hundred calls had no answer.
    pub failures_percent: u32,
    /// The wait after the first opening; it doubles with each probe that fails.
    pub first_wait: Duration,
    pub max_wait: Duration,
    /// Probes in a row that close it.
    pub probes: u32,
    /// Calls that may be under way while it is on trial; one more intent is refused.
    pub trial_calls: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            calls_min: 20,
            failures_percent: 50,
            first_wait: Duration::from_secs(1),
            max_wait: Duration::from_secs(30),
            probes: 3,
            trial_calls: 3,
        }
    }
}

/// How the calls of half a window ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    calls: u32,
    failures: u32,
}

/// When a call began, as the breaker counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallEpoch(u64);

#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: BreakerState,
    /// When the present half of the window began.
    half_began: Option<Instant>,
    present: Ended,
    before: Ended,
    /// Openings since a call was last answered.
    openings: u32,
    /// Openings of all time: calls that began before the last one say nothing any more.
    epoch: u64,
    /// Calls under way, where it was closed by health alone and none has been answered yet.
    trial: Option<u32>,
    /// When a probe may be made; only of an open one.
    due: Option<Instant>,
    probes_passed: u32,
}

impl Breaker {
    #[must_use]
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            half_began: None,
            present: Ended { calls: 0, failures: 0 },
            before: Ended { calls: 0, failures: 0 },
            openings: 0,
            epoch: 0,
            trial: None,
            due: None,
            probes_passed: 0,
        }
    }

    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// How long no intent is taken, as far as is known; `None` where they are.
    #[must_use]
    pub fn refuses(&self, now: Instant) -> Option<Duration> {
        let is_tried = self.trial.is_some_and(|calls| calls >= self.settings.trial_calls);
        self.wait(now).or_else(|| is_tried.then_some(Duration::ZERO))
    }

    /// How long no call is tried, as far as is known; `None` where it is closed.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        match self.state {
            BreakerState::Closed => None,
            _ => Some(self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now))),
        }
    }

    /// A call begins.
    pub fn call_began(&mut self) -> CallEpoch {
        self.trial = self.trial.map(|calls| calls.saturating_add(1));
        CallEpoch(self.epoch)
    }

    /// A call ended, with an answer or without; `true` where that opened it. One that began before it
    /// opened changes nothing any more.
    pub fn call_ended(&mut self, began: CallEpoch, is_failure: bool, now: Instant) -> bool {
        if self.state != BreakerState::Closed || began.0 != self.epoch {
            return false;
        }
        if self.trial.is_some() {
            if is_failure {
                self.open(now);
                return true;
            }
            self.trial = None;
            self.openings = 0;
        }
        self.slide(now);
        self.present.calls = self.present.calls.saturating_add(1);
        self.present.failures = self.present.failures.saturating_add(u32::from(is_failure));
        let calls = self.present.calls.saturating_add(self.before.calls);
        let failures = self.present.failures.saturating_add(self.before.failures);
        let share = u64::from(failures).saturating_mul(100);
        let opens = is_failure
            && calls >= self.settings.calls_min
            && share >= u64::from(calls).saturating_mul(self.settings.failures_percent.into());
        if opens {
            self.open(now);
        }
        opens
    }

    /// A call ended that says nothing of the acquirer.
    pub fn call_given_up(&mut self, began: CallEpoch) {
        if began.0 == self.epoch {
            self.trial = self.trial.map(|calls| calls.saturating_sub(1));
        }
    }

    /// Whether a probe is to be made now: an open one whose wait is over becomes half-open.
    pub fn begin_probe(&mut self, now: Instant) -> bool {
        if self.state == BreakerState::Closed || self.wait(now) != Some(Duration::ZERO) {
            return false;
        }
        self.state = BreakerState::HalfOpen;
        self.due = None;
        true
    }

    /// What a probe said.
    pub fn probed(&mut self, is_answered: bool, now: Instant) {
        if self.state != BreakerState::HalfOpen {
            return;
        }
        if !is_answered {
            self.open(now);
            return;
        }
        self.probes_passed = self.probes_passed.saturating_add(1);
        if self.probes_passed >= self.settings.probes {
            let (openings, epoch) = (self.openings, self.epoch);
            *self = Self { openings, epoch, trial: Some(0), ..Self::new(self.settings) };
        }
    }

    fn open(&mut self, now: Instant) {
        let doublings = self.openings.min(31);
        let wait = self.settings.first_wait.saturating_mul(1 << doublings);
        self.openings = self.openings.saturating_add(1);
        self.epoch = self.epoch.saturating_add(1);
        self.trial = None;
        self.state = BreakerState::Open;
        self.due = now.checked_add(wait.min(self.settings.max_wait));
        self.probes_passed = 0;
    }

    /// Lets go of what is older than the window, half a window at a time.
    fn slide(&mut self, now: Instant) {
        let half = self.settings.window / 2;
        let began = *self.half_began.get_or_insert(now);
        let age = now.saturating_duration_since(began);
        if age < half {
            return;
        }
        let is_adjacent = age < self.settings.window;
        self.before = if is_adjacent { self.present } else { Ended::default() };
        self.present = Ended::default();
        self.half_began = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        window: Duration::from_secs(10),
        calls_min: 4,
        failures_percent: 50,
        first_wait: Duration::from_secs(1),
        max_wait: Duration::from_secs(3),
        probes: 2,
        trial_calls: 2,
    };

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// A call that begins and ends now; whether that opened it.
    fn call(breaker: &mut Breaker, is_failure: bool, now: Instant) -> bool {
        let began = breaker.call_began();
        breaker.call_ended(began, is_failure, now)
    }

    fn opened(start: Instant) -> Breaker {
        let mut breaker = Breaker::new(SETTINGS);
        let opens: Vec<_> = (0..4).map(|_| call(&mut breaker, true, start)).collect();
        assert_eq!(opens, [false, false, false, true]);
        breaker
    }

    #[test]
    fn it_opens_at_its_share_of_failures_and_not_before_enough_calls() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(SETTINGS));
        for is_failure in [true, true, false, false, false] {
            assert!(!call(&mut breaker, is_failure, start), "{breaker:?}");
        }
        assert!(call(&mut breaker, true, start), "three of six");
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.wait(start), Some(Duration::from_secs(1)));
    }

    #[test]
    fn an_answer_never_opens_it() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(SETTINGS));
        for is_failure in [true, true, true, false, false, false] {
            assert!(!call(&mut breaker, is_failure, start), "{breaker:?}");
        }
    }

    #[test]
    fn failures_older_than_the_window_do_not_count() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(SETTINGS));
        for _ in 0..3 {
            call(&mut breaker, true, start);
        }
        assert!(!call(&mut breaker, true, after(start, 10_000)));
        for (at, opens) in [(10_001, false), (15_001, false), (15_002, true)] {
            assert_eq!(call(&mut breaker, true, after(start, at)), opens, "{at}: {breaker:?}");
        }
    }

    #[test]
    fn nothing_is_tried_until_the_wait_is_over_and_then_probes_alone() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(SETTINGS));
        assert!(!breaker.begin_probe(start), "a closed one needs none");
        breaker = opened(start);
        assert!(!breaker.begin_probe(after(start, 999)));
        assert!(breaker.begin_probe(after(start, 1_000)));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.wait(after(start, 1_000)), Some(Duration::ZERO));
        breaker.probed(true, after(start, 1_000));
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "one probe of two");
        assert!(breaker.begin_probe(after(start, 1_000)));
        breaker.probed(true, after(start, 1_001));
        assert_eq!((breaker.state(), breaker.wait(start)), (BreakerState::Closed, None));
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_its_bound() {
        let start = Instant::now();
        let mut breaker = opened(start);
        for (minutes, millis) in [(1, 2_000), (2, 3_000), (3, 3_000)] {
            let due = start + Duration::from_secs(60 * minutes);
            assert!(breaker.begin_probe(due));
            breaker.probed(false, due);
            assert_eq!(breaker.wait(due), Some(Duration::from_millis(millis)));
        }
    }

    /// Closed by health alone.
    fn on_trial(start: Instant) -> Breaker {
        let (mut breaker, due) = (opened(start), after(start, 1_000));
        for _ in 0..2 {
            assert!(breaker.begin_probe(due));
            breaker.probed(true, due);
        }
        breaker
    }

    #[test]
    fn a_call_that_began_before_it_opened_changes_nothing() {
        let (start, mut breaker) = (Instant::now(), Breaker::new(SETTINGS));
        let early = breaker.call_began();
        for _ in 0..4 {
            call(&mut breaker, true, start);
        }
        assert!(!breaker.call_ended(early, false, start));
        assert_eq!(breaker.wait(start), Some(Duration::from_secs(1)));
        for _ in 0..2 {
            assert!(breaker.begin_probe(after(start, 1_000)));
            breaker.probed(true, after(start, 1_000));
        }
        assert!(!breaker.call_ended(early, true, after(start, 1_000)), "it is of the time before");
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn on_trial_few_intents_are_taken_and_one_failure_opens_it_for_longer() {
        let start = Instant::now();
        let (mut breaker, now) = (on_trial(start), after(start, 1_000));
        let first = breaker.call_began();
        assert_eq!(breaker.refuses(now), None);
        breaker.call_began();
        assert_eq!((breaker.refuses(now), breaker.wait(now)), (Some(Duration::ZERO), None));
        breaker.call_given_up(first);
        assert_eq!(breaker.refuses(now), None);
        let first = breaker.call_began();
        assert!(breaker.call_ended(first, true, now));
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(2)));
    }

    #[test]
    fn an_answered_call_ends_the_trial() {
        let start = Instant::now();
        let (mut breaker, now) = (on_trial(start), after(start, 1_000));
        let (first, _, _) = (breaker.call_began(), breaker.call_began(), breaker.call_began());
        assert!(!breaker.call_ended(first, false, now));
        assert_eq!(breaker.refuses(now), None);
        let opens: Vec<_> = (0..4).map(|_| call(&mut breaker, true, now)).collect();
        assert_eq!(opens, [false, false, true, false], "as if it had never been open");
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(1)));
    }
}
