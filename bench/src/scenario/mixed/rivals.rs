//! Payments that four clients act on at once, two of them through each of two servers.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::plan::{Payment, Script, Step, Turn, Verb, Workload};

impl Workload {
    /// About `requests` steps, every script beside another one on the same payment.
    pub(super) fn rivals(requests: usize, seed: u64, run: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut payments, opening, storm) = Self::storm(requests, run);
        let storm = paired(storm);
        let mut turns = Vec::new();
        let mut left = requests.saturating_sub(storm.iter().map(Turn::steps).sum());
        while left > 0 {
            let payment = Payment::new(run, payments.len(), rng.random_range(10_000..50_000));
            let scripts = contest(&payment, &mut rng).into_iter();
            let scripts = scripts.map(|steps| Script { payment: payments.len(), steps });
            let contest = paired(scripts.collect());
            left = left.saturating_sub(contest.iter().map(Turn::steps).sum());
            turns.extend(contest);
            payments.push(payment);
        }
        let middle = turns.len() / 2;
        turns.splice(middle..middle, storm);
        Self { payments, opening, turns }
    }
}

/// Each script with the next one beside it; an odd last one alone.
fn paired(scripts: Vec<Script>) -> Vec<Turn> {
    let mut scripts = scripts.into_iter();
    let mut turns = Vec::new();
    while let Some(first) = scripts.next() {
        turns.push(Turn { first, second: scripts.next() });
    }
    turns
}

/// What four clients of one shop do with one payment, none knowing of the others.
fn contest(payment: &Payment, rng: &mut StdRng) -> [Vec<Step>; 4] {
    let amount = payment.amount;
    let capture = |number, amount| payment.step(Verb::Capture, number, amount);
    let refund = |number, amount| payment.step(Verb::Refund, number, amount);
    let (all, void) = (capture(0, amount), payment.step(Verb::Void, 0, 0));
    let rest: [Vec<Step>; 4] = match rng.random_range(0..4_u32) {
        // Captures of which some fit, and the same ones again through the other process.
        0 => [
            vec![capture(1, amount / 3), capture(2, amount / 4)],
            vec![capture(1, amount / 3), capture(3, amount / 2)],
            vec![capture(4, amount / 2 + 1), capture(2, amount / 4)],
            vec![capture(3, amount / 2), refund(1, amount / 5)],
        ],
        // Either the void or the capture.
        1 => [
            vec![void.clone()],
            vec![all.clone(), refund(1, amount)],
            vec![void],
            vec![all, refund(1, amount)],
        ],
        // Refunds that compete, one of them sent twice, as soon as the capture has its outcome.
        2 => [
            vec![all.clone(), refund(1, amount / 2), refund(2, amount / 3)],
            vec![all.clone(), refund(1, amount / 2), refund(5, amount / 5)],
            vec![all.clone(), refund(3, amount / 2 + 1)],
            vec![all, refund(4, amount / 4), refund(2, amount / 3)],
        ],
        // Refunds while captures are still under way.
        _ => [
            vec![capture(1, amount / 2), capture(2, amount / 3)],
            vec![refund(1, amount / 4), refund(2, amount / 2)],
            vec![capture(3, amount / 3 + 1), void],
            vec![refund(2, amount / 2), capture(1, amount / 2)],
        ],
    };
    // All four authorize, under the same key: whoever is first.
    rest.map(|rest| std::iter::once(payment.authorize()).chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn every_payment_is_authorized_and_acted_on_through_both_servers() {
        let workload = Workload::rivals(5_000, 1, 0);
        let mut lanes: HashMap<usize, [HashSet<&str>; 2]> = HashMap::new();
        for turn in &workload.turns {
            let second = turn.second.as_ref().expect("the numbers are even");
            for (lane, script) in [&turn.first, second].into_iter().enumerate() {
                let keys = script.steps.iter().map(|step| step.key.as_str());
                lanes.entry(script.payment).or_default()[lane].extend(keys);
            }
        }
        assert_eq!(lanes.len(), workload.payments.len());
        for (number, payment) in workload.payments.iter().enumerate().skip(2) {
            let [first, second] = &lanes[&number];
            let authorize = payment.authorize().key;
            assert!(first.contains(authorize.as_str()) && second.contains(authorize.as_str()));
            assert!(first.len() > 1 || second.len() > 1, "{payment:?}");
        }
    }

    #[test]
    fn the_workload_is_about_as_long_as_asked_for() {
        for requests in [100, 5_000] {
            let workload = Workload::rivals(requests, 3, 0);
            let steps: usize = workload.turns.iter().map(Turn::steps).sum();
            assert!((requests..requests + 20).contains(&steps), "{steps} of {requests}");
        }
    }

    #[test]
    fn an_operation_is_known_by_its_amount_here_too() {
        let workload = Workload::rivals(5_000, 3, 0);
        let mut keys = HashMap::new();
        let scripts =
            workload.turns.iter().flat_map(|turn| [Some(&turn.first), turn.second.as_ref()]);
        for script in scripts.flatten() {
            for step in &script.steps {
                let same = (script.payment, step.verb.as_str(), step.amount);
                let key = keys.entry(same).or_insert(&step.key);
                assert_eq!(*key, &step.key, "{same:?}");
            }
        }
    }
}
