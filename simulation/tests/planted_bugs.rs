//! Every planted bug is caught, and by a rule that it breaks.

use std::io::{self, Write};
use std::thread::available_parallelism;

use daybook_simulation::{Defect, run_many};

/// A bug that needs more runs than this to be noticed counts as missed.
const SEEDS_MAX: u64 = 500;

#[test]
fn every_planted_bug_is_caught() {
    assert!(Defect::ALL.len() >= 10, "{} bugs are planted", Defect::ALL.len());
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    let mut missed = Vec::new();
    for defect in Defect::ALL {
        let (name, (_, caught)) = (defect.as_str(), run_many(1, SEEDS_MAX, Some(*defect), threads));
        let Some(report) = caught else {
            missed.push(format!("{name}: not noticed in {SEEDS_MAX} seeds"));
            continue;
        };
        let (seed, first) = (report.seed, &report.breaches[0]);
        // Past the capture of tests, so that `make test` shows it.
        let _ =
            writeln!(io::stderr(), "{name}: caught by seed {seed}, after {seed} seeds: {first}");
        if !defect.breaks().contains(&first.invariant) {
            missed.push(format!("{name}: seed {seed} noticed something else: {first}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
