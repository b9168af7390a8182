//! Two processes of each role on one ledger, and commands on the same payments through both APIs at once.

use std::net::SocketAddr;

use super::{Findings, mixed};
use crate::server::{API, Crew};

/// In the order in which they are stopped: first those who take requests.
pub(crate) const CREW: &Crew = &[
    Some(API),
    Some(API),
    Some("workers"),
    Some("workers"),
    Some("projections"),
    Some("projections"),
];

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) requests: usize,
    /// To each API process.
    pub(crate) connections: usize,
    pub(crate) seed: u64,
}

pub(crate) async fn run(servers: &[SocketAddr], plan: &Plan) -> Findings {
    let &[first, second] = servers else { unreachable!("the crew has two API processes") };
    let &Plan { requests, connections, seed } = plan;
    mixed::run_rivals([first, second], &mixed::Plan { requests, in_flight: connections, seed })
        .await
}
