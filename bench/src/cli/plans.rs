//! A scenario's plan, from what was asked for.

use clap::ArgMatches;

use super::arguments::{given, size};
use crate::failure::Failure;
use crate::scenario::{authorize, flows, mixed, pages, project, relayed, shared, together};

pub(super) fn authorize(matches: &ArgMatches) -> authorize::Plan {
    let until = match matches.get_one("requests") {
        Some(requests) => authorize::Until::Requests(*requests),
        None => authorize::Until::Elapsed(*given(matches, "duration")),
    };
    authorize::Plan {
        connections: size(matches, "connections"),
        merchants: *given(matches, "merchants"),
        has_texts: false,
        rate: matches.get_one::<u64>("rate").map(|rate| *rate as f64),
        until,
    }
}

pub(super) fn flows(matches: &ArgMatches) -> flows::Plan {
    flows::Plan {
        rate: *given(matches, "rate"),
        duration: *given(matches, "duration"),
        merchants: *given(matches, "merchants"),
    }
}

pub(super) fn mixed(matches: &ArgMatches) -> Result<mixed::Plan, Failure> {
    let (requests, in_flight) = (mixed_requests(matches)?, size(matches, "in-flight"));
    Ok(mixed::Plan { requests, in_flight, seed: *given(matches, "seed") })
}

pub(super) fn shared(matches: &ArgMatches) -> Result<shared::Plan, Failure> {
    let (requests, connections) = (mixed_requests(matches)?, size(matches, "connections"));
    Ok(shared::Plan { requests, connections, seed: *given(matches, "seed") })
}

pub(super) fn together(matches: &ArgMatches) -> together::Plan {
    together::Plan {
        connections: size(matches, "connections"),
        merchants: *given(matches, "merchants"),
        duration: *given(matches, "duration"),
    }
}

pub(super) fn pages(matches: &ArgMatches) -> pages::Plan {
    pages::Plan {
        payments: *given(matches, "payments"),
        rate: *given(matches, "rate"),
        duration: *given(matches, "duration"),
        connections: size(matches, "connections"),
        merchants: *given(matches, "merchants"),
        limit: *given(matches, "limit"),
    }
}

pub(super) fn project(matches: &ArgMatches) -> project::Plan {
    project::Plan {
        events: *given(matches, "events"),
        connections: size(matches, "connections"),
        merchants: *given(matches, "merchants"),
    }
}

pub(super) fn relayed(matches: &ArgMatches) -> relayed::Plan {
    relayed::Plan {
        connections: size(matches, "connections"),
        merchants: *given(matches, "merchants"),
        duration: *given(matches, "duration"),
    }
}

fn mixed_requests(matches: &ArgMatches) -> Result<usize, Failure> {
    let requests = size(matches, "requests");
    if requests < mixed::REQUESTS_MIN {
        let min = mixed::REQUESTS_MIN;
        return Err(Failure::Usage(format!("--requests {requests}: at least {min} are needed")));
    }
    Ok(requests)
}
