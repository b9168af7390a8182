//! Many runs, and what they reached together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use daybook_engine::payment::EventType;

use crate::defect::Defect;
use crate::faults::Fault;
use crate::run::{Report, run};
use crate::trace::Keep;

/// What runs reached: every kind of event and of fault should be among it.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    pub runs: u64,
    pub faults: BTreeMap<Fault, u64>,
    pub kinds: BTreeMap<String, u64>,
}

impl Coverage {
    fn add(&mut self, report: &Report) {
        self.runs += 1;
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (kind, count) in &report.kinds {
            *self.kinds.entry(kind.clone()).or_default() += count;
        }
    }

    /// Kinds of faults and events that happened less often than `faults_min`, or once.
    #[must_use]
    pub fn missing(&self, faults_min: u64) -> Vec<String> {
        let faults = Fault::ALL.iter().filter(|fault| self.of(**fault) < faults_min);
        let faults = faults.map(|fault| format!("{fault}: {} times", self.of(*fault)));
        let kinds = EventType::ALL.iter().map(|kind| short(*kind));
        let kinds = kinds.filter(|kind| !self.kinds.contains_key(*kind));
        faults.chain(kinds.map(|kind| format!("no event {kind}"))).collect()
    }

    fn of(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or(0)
    }
}

fn short(kind: EventType) -> &'static str {
    kind.as_str().trim_start_matches("payment.")
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} runs", self.runs)?;
        for fault in Fault::ALL {
            writeln!(f, "{:>10}  {fault}", self.of(*fault))?;
        }
        for kind in EventType::ALL {
            let count = self.kinds.get(short(*kind)).copied().unwrap_or(0);
            writeln!(f, "{count:>10}  {}", kind.as_str())?;
        }
        Ok(())
    }
}

/// Runs these seeds on so many threads, up to the first that fails; all before it were clean.
#[must_use]
pub fn run_many(
    first: u64,
    count: u64,
    defect: Option<Defect>,
    threads: usize,
) -> (Coverage, Option<Report>) {
    let end = first.saturating_add(count);
    let (next, stop) = (AtomicU64::new(first), AtomicU64::new(end));
    let (coverage, failed) = (Mutex::new(Coverage::default()), Mutex::new(None::<Report>));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let report = run(seed, defect, Keep::Nothing);
                    coverage.lock().unwrap_or_else(PoisonError::into_inner).add(&report);
                    if !report.breaches.is_empty() {
                        stop.fetch_min(seed, Ordering::SeqCst);
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        if failed.as_ref().is_none_or(|known| seed < known.seed) {
                            *failed = Some(report);
                        }
                    }
                }
            });
        }
    });
    let coverage = coverage.into_inner().unwrap_or_else(PoisonError::into_inner);
    (coverage, failed.into_inner().unwrap_or_else(PoisonError::into_inner))
}
