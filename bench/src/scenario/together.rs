//! What two API processes on one ledger reach of what one reaches alone.

use std::time::Duration;

use super::{Outcome, authorize, under_load};
use crate::failure::Failure;
use crate::report::Section;
use crate::server::{API, Ready};

/// They wait for each other's locks and share the machine, but must not hold each other up.
const SHARE_MIN: f64 = 0.8;

#[derive(Debug)]
pub(crate) struct Plan {
    /// To all processes together.
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
    pub(crate) duration: Duration,
}

/// The same load twice, each time on a fresh ledger.
pub(super) async fn run(place: &Ready, plan: &Plan) -> Result<Outcome, Failure> {
    let load = authorize::Plan {
        connections: plan.connections,
        merchants: plan.merchants,
        until: authorize::Until::Elapsed(plan.duration),
    };
    let one = &[Some(API)];
    let two = &[Some(API), Some(API)];
    let alone = under_load(place, one, async |servers| authorize::run(servers, &load).await);
    let alone = alone.await?;
    if alone.failure.is_some() {
        return Ok(alone);
    }
    let both = under_load(place, two, async |servers| authorize::run(servers, &load).await);
    Ok(compared(alone, both.await?))
}

fn compared(alone: Outcome, both: Outcome) -> Outcome {
    let (one, two) = (alone.requests_per_second, both.requests_per_second);
    let mut ratio = Section::new("ratio");
    ratio.ratio("togetherOfAlone", two, one);
    let mut differences = alone.differences;
    differences.extend(both.differences);
    // Written so that a rate of nothing on either side is a difference too.
    if !(one > 0.0 && two >= SHARE_MIN * one) {
        differences.push(format!(
            "two processes reach {two:.0} a second where one alone reaches {one:.0}: less than \
             {SHARE_MIN} of it"
        ));
    }
    Outcome {
        sections: vec![
            Section::joined("alone", alone.sections),
            Section::joined("together", both.sections),
            ratio,
        ],
        requests_per_second: two,
        differences,
        verified: [alone.verified, both.verified].concat(),
        failure: both.failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(requests_per_second: f64) -> Outcome {
        Outcome {
            sections: Vec::new(),
            requests_per_second,
            differences: Vec::new(),
            verified: Vec::new(),
            failure: None,
        }
    }

    #[test]
    fn two_that_reach_less_than_four_fifths_of_one_are_a_difference() {
        for (one, two, found) in
            [(100.0, 80.0, 0), (100.0, 79.9, 1), (100.0, 150.0, 0), (0.0, 0.0, 1), (100.0, 0.0, 1)]
        {
            let compared = compared(outcome(one), outcome(two));
            assert_eq!(compared.differences.len(), found, "{two} of {one}");
        }
    }
}
