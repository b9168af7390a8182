//! Every role in one process, with brokers: what it authorizes at most, and how far the topic and the
//! views are behind while most of that goes on.

use std::net::SocketAddr;
use std::time::Duration;

use super::lag::{Lags, Watch};
use super::{Findings, authorize};
use crate::report::Section;

/// How much of the rate that was reached goes on while lags are watched, in hundredths.
const STEADY_SHARE: f64 = 0.8;
/// Under the steady load, at most.
const RELAY_LAG_MAX: Duration = Duration::from_secs(1);
const VIEWS_LAG_MAX: Duration = Duration::from_secs(5);
/// After it, until nothing is behind.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
    /// Each time.
    pub(crate) duration: Duration,
}

/// The closed loop first, then, once nothing is behind, so much of its rate.
pub(super) async fn run(servers: &[SocketAddr], plan: &Plan) -> Findings {
    let closed_loop = authorize::Plan {
        connections: plan.connections,
        merchants: plan.merchants,
        has_texts: false,
        rate: None,
        until: authorize::Until::Elapsed(plan.duration),
    };
    let watch = Watch::start(servers[0]);
    let most = authorize::load(servers, &closed_loop).await;
    let after_most = watch.finish().await;
    let rate = (most.per_second() * STEADY_SHARE).max(1.0);
    let steady_plan = authorize::Plan { rate: Some(rate), ..closed_loop };
    let watch = Watch::start(servers[0]);
    let steady = authorize::load(servers, &steady_plan).await;
    let while_steady = watch.finish().await;
    Findings {
        requests_per_second: most.per_second(),
        differences: differences(&while_steady),
        sections: vec![
            Section::joined("most", vec![most.section("load"), after_most.section()]),
            Section::joined("steady", vec![steady.section("load"), while_steady.section()]),
        ],
    }
}

/// Written so that a lag that could not be read is a difference too.
fn differences(lags: &Lags) -> Vec<String> {
    let mut differences = Vec::new();
    for (what, lag, max) in [
        ("the relay's lag came to", lags.relay_max(), RELAY_LAG_MAX),
        ("the views' lag came to", lags.views_max(), VIEWS_LAG_MAX),
        ("nothing was behind only after", lags.caught_up_after, CAUGHT_UP_WITHIN),
    ] {
        match lag {
            Some(lag) if lag <= max => {}
            Some(lag) => differences.push(format!("{what} {lag:.1?}: more than {max:?}")),
            None => differences.push(format!("{what} nobody knows: the server did not tell")),
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_beyond_its_limit_and_one_that_nobody_read_are_differences() {
        let lags = |relay: f64, views: f64, after: Option<u64>| Lags {
            relay_seconds: vec![0.1, relay],
            views_seconds: vec![views, 0.0],
            caught_up_after: after.map(Duration::from_secs),
            ..Lags::default()
        };
        for (lags, found) in [
            (lags(0.9, 4.9, Some(10)), 0),
            (lags(1.1, 4.9, Some(10)), 1),
            (lags(0.9, 5.1, Some(11)), 2),
            (lags(0.9, 4.9, None), 1),
            (Lags::default(), 3),
        ] {
            assert_eq!(differences(&lags).len(), found, "{lags:?}");
        }
    }
}
