//! Which operations are asked for, all decided before the first is sent.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Of 10,000 requests 1,000 are duplicates of one authorization, and 500 captures of one payment.
const ONE_DUPLICATE_IN: usize = 10;
const ONE_COMPETING_IN: usize = 20;
/// At most one in five competing captures fits: of 500 fewer than the 200 that a payment takes.
const ONE_FITS_IN: usize = 5;
const FIT_MAX: usize = 150;
const COMPETING_AMOUNT_MIN: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Authorize,
    Capture,
    Refund,
    Void,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Void => "void",
        }
    }
}

/// One operation. On one payment, two captures (or refunds) with the same amount are the same
/// operation repeated under its key: so an answer's operation is known by its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) verb: Verb,
    pub(super) key: String,
    /// Zero for a void.
    pub(super) amount: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) merchant: String,
    pub(super) amount: u64,
    key: String,
}

/// Steps on one payment, each after the answer to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Index into the workload's payments.
    pub(super) payment: usize,
    pub(super) steps: Vec<Step>,
}

/// What one client plays at a time: one script through the first server, and maybe another one beside
/// it through the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) first: Script,
    pub(super) second: Option<Script>,
}

impl Turn {
    pub(super) fn steps(&self) -> usize {
        self.first.steps.len() + self.second.as_ref().map_or(0, |script| script.steps.len())
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) payments: Vec<Payment>,
    /// Played before all others: the authorization that captures compete for.
    pub(super) opening: Script,
    pub(super) turns: Vec<Turn>,
}

impl Workload {
    /// Exactly `requests` steps. `run` keeps the keys of two runs apart.
    pub(super) fn new(requests: usize, seed: u64, run: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut payments, opening, storm) = Self::storm(requests, run);
        let mut scripts = Vec::new();
        let mut left = requests - storm.len() - 1;
        while left > 0 {
            let payment = Payment::new(run, payments.len(), rng.random_range(2_000..50_000));
            let mut steps = story(&payment, &mut rng);
            steps.truncate(left);
            left -= steps.len();
            scripts.push(Script { payment: payments.len(), steps });
            payments.push(payment);
        }
        let middle = scripts.len() / 2;
        scripts.splice(middle..middle, storm);
        let turns = scripts.into_iter().map(|first| Turn { first, second: None }).collect();
        Self { payments, opening, turns }
    }

    /// Two payments, the opening, and what everybody wants of them: the same authorization, and one of
    /// many captures. The scripts stand side by side, so that they are in flight together.
    pub(super) fn storm(requests: usize, run: u32) -> (Vec<Payment>, Script, Vec<Script>) {
        let duplicated = Payment::new(run, 0, 2_500);
        let duplicates = requests / ONE_DUPLICATE_IN;
        let competing = requests / ONE_COMPETING_IN;
        let fit = (competing / ONE_FITS_IN).clamp(1, FIT_MAX);
        let contended = Payment::new(run, 1, fit as u64 * COMPETING_AMOUNT_MIN);
        let opening = Script { payment: 1, steps: vec![contended.authorize()] };
        let mut storm: Vec<_> = (0..duplicates)
            .map(|_| Script { payment: 0, steps: vec![duplicated.authorize()] })
            .collect();
        storm.extend((0..competing as u64).map(|number| Script {
            payment: 1,
            steps: vec![contended.step(Verb::Capture, number, COMPETING_AMOUNT_MIN + number)],
        }));
        (vec![duplicated, contended], opening, storm)
    }
}

impl Payment {
    pub(super) fn new(run: u32, number: usize, amount: u64) -> Self {
        let merchant = format!("bench-{}", number % 16);
        Self { merchant, key: format!("{run:08x}-mixed-{number}"), amount }
    }

    pub(super) fn authorize(&self) -> Step {
        Step { verb: Verb::Authorize, key: self.key.clone(), amount: self.amount }
    }

    pub(super) fn step(&self, verb: Verb, number: u64, amount: u64) -> Step {
        Step { verb, key: format!("{}-{}-{number}", self.key, verb.as_str()), amount }
    }
}

/// What one shop does with one payment.
fn story(payment: &Payment, rng: &mut StdRng) -> Vec<Step> {
    let amount = payment.amount;
    let capture = |number, amount| payment.step(Verb::Capture, number, amount);
    let refund = |number, amount| payment.step(Verb::Refund, number, amount);
    let mut steps = vec![payment.authorize()];
    let rest = match rng.random_range(0..10_u32) {
        0 | 1 => vec![],
        2 => vec![payment.authorize()],
        3 => vec![payment.step(Verb::Void, 0, 0)],
        4 => vec![capture(0, amount)],
        5 => vec![capture(0, amount), capture(1, 1)],
        6 => vec![capture(0, amount / 3), capture(1, amount / 2), refund(0, amount / 4)],
        7 => vec![capture(0, amount), capture(0, amount), refund(0, amount), refund(0, amount)],
        8 => vec![capture(0, amount), refund(0, amount - 1), refund(1, 2), refund(2, 1)],
        _ => vec![refund(0, amount), capture(0, amount + 1), payment.step(Verb::Void, 0, 0)],
    };
    steps.extend(rest);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(workload: &Workload) -> Vec<(usize, &Step)> {
        let scripts = workload.turns.iter().map(|turn| &turn.first);
        let scripts = std::iter::once(&workload.opening).chain(scripts);
        scripts
            .flat_map(|script| script.steps.iter().map(move |step| (script.payment, step)))
            .collect()
    }

    #[test]
    fn ten_thousand_requests_hold_a_thousand_duplicates_and_five_hundred_rivals() {
        let workload = Workload::new(10_000, 1, 0);
        let steps = steps(&workload);
        assert_eq!(steps.len(), 10_000);
        let on = |payment, verb| {
            steps.iter().filter(|(at, step)| *at == payment && step.verb == verb).count()
        };
        assert_eq!(on(0, Verb::Authorize), 1_000);
        assert_eq!((on(1, Verb::Authorize), on(1, Verb::Capture)), (1, 500));
        for verb in [Verb::Capture, Verb::Refund, Verb::Void] {
            let others = steps.iter().filter(|(at, step)| *at > 1 && step.verb == verb);
            assert!(others.count() > 100, "{verb:?}");
        }
    }

    #[test]
    fn a_seed_always_gives_the_same_workload() {
        assert_eq!(Workload::new(1_000, 7, 0), Workload::new(1_000, 7, 0));
        assert_ne!(Workload::new(1_000, 7, 0), Workload::new(1_000, 8, 0));
    }

    #[test]
    fn an_operation_is_known_by_its_amount() {
        let workload = Workload::new(10_000, 3, 0);
        let mut keys = std::collections::HashMap::new();
        for (payment, step) in steps(&workload) {
            let same = (payment, step.verb.as_str(), step.amount);
            let key = keys.entry(same).or_insert(&step.key);
            assert_eq!(*key, &step.key, "{same:?}");
        }
    }
}
