//! A line a second while a run lasts, for a person who watches.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::tally::SharedTally;

const EVERY: Duration = Duration::from_secs(1);

/// Ends, and clears its line, when dropped. Silent unless stderr is a terminal.
#[derive(Debug)]
pub(crate) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    pub(crate) fn show(tally: &SharedTally) -> Self {
        Self(stderr().is_terminal().then(|| tokio::spawn(lines(tally.clone()))))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            print("");
        }
    }
}

async fn lines(tally: SharedTally) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = 0;
    for second in 1_u64.. {
        ticks.tick().await;
        let (done, failed) = {
            let tally = tally.lock();
            (tally.answered_total(), tally.failed_total())
        };
        let rate = done - before;
        print(&format!("{second:>4} s  {rate:>7}/s  {done:>9} answers  {failed} errors"));
        before = done;
    }
}

fn print(line: &str) {
    // A line that can't be shown is no reason to end a measurement.
    let _ = write!(stderr(), "\r\x1b[2K{line}");
    let _ = stderr().flush();
}
