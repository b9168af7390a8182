//! What two API processes on one ledger reach of what one reaches alone.

use std::time::Duration;

use super::{Outcome, authorize, under_load};
use crate::failure::Failure;
use crate::report::Section;
use crate::server::{API, Crew, Ready};

/// They wait for each other's locks and share the machine, but must not hold each other up.
const SHARE_MIN: f64 = 0.8;
/// Even: each of the two goes first as often as the other.
const ROUNDS: u32 = 6;

#[derive(Debug)]
pub(crate) struct Plan {
    /// To all processes together.
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
    /// For one process and for two, over all rounds.
    pub(crate) duration: Duration,
}

/// The same load on one process and on two, by turns, each time on a fresh ledger: a machine that is
/// slower for a while is so for both.
pub(super) async fn run(place: &Ready, plan: &Plan) -> Result<Outcome, Failure> {
    let load = authorize::Plan {
        connections: plan.connections,
        merchants: plan.merchants,
        has_texts: false,
        rate: None,
        until: authorize::Until::Elapsed(plan.duration / ROUNDS),
    };
    let on = async |crew: &Crew| {
        under_load(place, crew, async |servers| authorize::run(servers, &load).await).await
    };
    let (one, two): (&Crew, &Crew) = (&[Some(API)], &[Some(API), Some(API)]);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        rounds.push(if round % 2 == 0 {
            let alone = on(one).await?;
            (alone, on(two).await?)
        } else {
            let both = on(two).await?;
            (on(one).await?, both)
        });
    }
    Ok(compared(rounds))
}

/// What all rounds found, and the sections of the last.
fn compared(rounds: Vec<(Outcome, Outcome)>) -> Outcome {
    let mut compared = Outcome::default();
    let (mut one, mut two) = (0.0, 0.0);
    let mut ratio = Section::new("ratio");
    let count = rounds.len();
    for (round, (alone, both)) in (1..).zip(rounds) {
        one += alone.requests_per_second / count as f64;
        two += both.requests_per_second / count as f64;
        let name = format!("togetherOfAloneRound{round}");
        ratio.ratio(&name, both.requests_per_second, alone.requests_per_second);
        compared.sections = vec![
            Section::joined("alone", alone.sections),
            Section::joined("together", both.sections),
        ];
        for outcome in [(alone.differences, alone.verified), (both.differences, both.verified)] {
            compared.differences.extend(outcome.0);
            compared.verified.extend(outcome.1);
        }
        compared.failure = compared.failure.or(alone.failure).or(both.failure);
    }
    ratio.ratio("togetherOfAlone", two, one);
    compared.sections.push(ratio);
    compared.requests_per_second = two;
    // Written so that a rate of nothing on either side is a difference too.
    if !(one > 0.0 && two >= SHARE_MIN * one) {
        compared.differences.push(format!(
            "two processes reach {two:.0} a second where one alone reaches {one:.0}: less than \
             {SHARE_MIN} of it"
        ));
    }
    compared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(requests_per_second: f64) -> Outcome {
        Outcome { requests_per_second, ..Outcome::default() }
    }

    #[test]
    fn two_that_reach_less_than_four_fifths_of_one_are_a_difference() {
        for (one, two, found) in
            [(100.0, 80.0, 0), (100.0, 79.9, 1), (100.0, 150.0, 0), (0.0, 0.0, 1), (100.0, 0.0, 1)]
        {
            let compared = compared(vec![(outcome(one), outcome(two))]);
            assert_eq!(compared.differences.len(), found, "{two} of {one}");
        }
    }

    #[test]
    fn rounds_count_together() {
        let rounds = || vec![(outcome(100.0), outcome(70.0)), (outcome(100.0), outcome(95.0))];
        assert_eq!(compared(rounds()).differences, Vec::<String>::new());
        let mut rounds = rounds();
        rounds[0].1.differences.push("a deadlock".into());
        assert_eq!(compared(rounds).differences, ["a deadlock"]);
    }
}
