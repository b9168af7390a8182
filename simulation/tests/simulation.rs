//! A thousand runs, every rule held; and one seed is one run.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::thread::available_parallelism;

use daybook_simulation::{Keep, Report, run, run_many};

/// As many as a test may take; `make drill` runs twenty times as many.
const SEEDS: u64 = 1_000;

fn told(report: &Report) -> String {
    let breaches: Vec<String> = report.breaches.iter().map(ToString::to_string).collect();
    let seed = report.seed;
    format!(
        "seed {seed} broke {} rules:\n{}\nagain: cargo run --release -p simulation -- --seed {seed} \
         --trace",
        breaches.len(),
        breaches.join("\n")
    )
}

#[test]
fn a_thousand_seeds_break_no_rule_and_reach_every_fault_and_event() {
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    let (coverage, failed) = run_many(1, SEEDS, None, threads);
    // Past the capture of tests, so that `make test` shows it.
    let _ = write!(io::stderr(), "{coverage}");
    assert!(failed.is_none(), "{}", told(&failed.unwrap()));
    let missing = coverage.missing(100);
    assert!(missing.is_empty(), "a fault below 100 times, or an event never: {missing:#?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=20 {
        let (one, other) = (run(seed, None, Keep::Lines), run(seed, None, Keep::Lines));
        let differing = one.trace.iter().zip(&other.trace).position(|(one, other)| one != other);
        let at = differing.map(|at| (at, &one.trace[at], &other.trace[at]));
        assert_eq!(one.hash, other.hash, "seed {seed} differs first at {at:#?}");
    }
}

#[test]
fn other_seeds_are_other_runs() {
    let hashes: BTreeSet<String> = (1..=10).map(|seed| run(seed, None, Keep::Hash).hash).collect();
    assert_eq!(hashes.len(), 10);
}
