use std::sync::Mutex;

use async_trait::async_trait;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::lease::memory::MemoryLeases;
use crate::ledger::StoreError;

const P: u16 = 4;
const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

/// The store's clock, running as fast as the test's.
struct Running(Instant);

impl Clock for Running {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.0.elapsed().as_millis()).expect("a short time");
        Timestamp::from_millis(1_800_000_000_000 + since)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Up,
    /// Every call fails at once.
    Down,
    /// No call is answered.
    Silent,
    /// Calls arrive, and their answers take so long.
    Slow(Duration),
}

/// One process's line to the leases.
struct Lined {
    leases: Arc<MemoryLeases>,
    line: Mutex<Line>,
}

#[async_trait]
impl LeaseStore for Lined {
    async fn share(
        &self,
        role: LeaseRole,
        holder: Uuid,
        hold: Duration,
    ) -> Result<Vec<Partition>, StoreError> {
        let line = *self.line.lock().unwrap();
        match line {
            Line::Up => self.leases.share(role, holder, hold).await,
            Line::Down => Err(StoreError::Unavailable { store: "lease", cause: "down".into() }),
            Line::Silent => std::future::pending().await,
            Line::Slow(answer) => {
                let share = self.leases.share(role, holder, hold).await;
                tokio::time::sleep(answer).await;
                share
            }
        }
    }

    async fn leave(&self, role: LeaseRole, holder: Uuid) -> Result<(), StoreError> {
        if *self.line.lock().unwrap() == Line::Silent {
            std::future::pending().await
        }
        self.leases.leave(role, holder).await
    }
}

fn leases() -> Arc<MemoryLeases> {
    Arc::new(MemoryLeases::new(P, Arc::new(Running(Instant::now()))))
}

/// A process that keeps its leases.
struct Process {
    lined: Arc<Lined>,
    held: HeldPartitions,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Process {
    fn start(leases: &Arc<MemoryLeases>, number: u128) -> Self {
        let lined = Arc::new(Lined { leases: leases.clone(), line: Mutex::new(Line::Up) });
        let (keeper, held) =
            LeaseKeeper::new(lined.clone(), LeaseRole::Workers, Uuid::from_u128(number));
        let stop = CancellationToken::new();
        let running = tokio::spawn(keeper.run(stop.clone()));
        Self { lined, held, stop, running }
    }

    fn line(&self, line: Line) {
        *self.lined.line.lock().unwrap() = line;
    }

    fn count(&self) -> usize {
        self.held.now().len()
    }
}

/// Counts in small steps how long it takes.
async fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(MOMENT).await;
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_process_alone_holds_everything_and_keeps_it() {
    let leases = leases();
    let process = Process::start(&leases, 1);
    assert_eq!(process.count(), 0, "nothing before it was asked for");
    until(SECOND, || process.count() == 4).await;
    for _ in 0..600 {
        tokio::time::sleep(SECOND / 10).await;
        assert_eq!(process.count(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_process_gets_its_share_within_two_renewals() {
    let leases = leases();
    let first = Process::start(&leases, 1);
    until(SECOND, || first.count() == 4).await;
    let second = Process::start(&leases, 2);
    until(2 * SECOND + MOMENT, || (first.count(), second.count()) == (2, 2)).await;
    let (first, second) = (first.held.now(), second.held.now());
    assert!(first.iter().all(|partition| !second.contains(partition)), "{first:?} {second:?}");
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_killed_process_is_taken_over_within_ten_seconds() {
    let leases = leases();
    let (killed, other) = (Process::start(&leases, 1), Process::start(&leases, 2));
    until(3 * SECOND, || (killed.count(), other.count()) == (2, 2)).await;
    killed.running.abort();
    let took = until(10 * SECOND, || other.count() == 4).await;
    assert!(took > 3 * SECOND, "not before its hold is over: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_stopped_process_is_free_at_once() {
    let leases = leases();
    let (stopped, other) = (Process::start(&leases, 1), Process::start(&leases, 2));
    until(3 * SECOND, || (stopped.count(), other.count()) == (2, 2)).await;
    stopped.stop.cancel();
    stopped.running.await.unwrap();
    assert_eq!(stopped.held.now().len(), 0);
    until(SECOND + MOMENT, || other.count() == 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_can_t_leave_stops_all_the_same() {
    let leases = leases();
    let process = Process::start(&leases, 1);
    until(SECOND, || process.count() == 4).await;
    process.line(Line::Silent);
    process.stop.cancel();
    tokio::time::timeout(3 * SECOND, process.running).await.unwrap().unwrap();
    assert_eq!(process.held.now().len(), 0);
}

/// Watches two processes in small steps: what one holds the other does not.
async fn watch(one: &Process, other: &Process, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        tokio::time::sleep(MOMENT).await;
        let (held, others) = (one.held.now(), other.held.now());
        assert!(held.iter().all(|held| !others.contains(held)), "{held:?} {others:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_without_a_store_lets_go_before_another_may_hold_its_share() {
    for (line, counts) in [
        (Line::Down, (0, 4)),
        (Line::Silent, (0, 4)),
        (Line::Slow(1_900 * MOMENT), (2, 2)),
        // It renews what it never learns that it holds.
        (Line::Slow(9 * SECOND), (0, 2)),
    ] {
        let leases = leases();
        let (cut, other) = (Process::start(&leases, 1), Process::start(&leases, 2));
        until(3 * SECOND, || (cut.count(), other.count()) == (2, 2)).await;
        cut.line(line);
        watch(&cut, &other, 20 * SECOND).await;
        assert_eq!((cut.count(), other.count()), counts, "{line:?}");
        cut.line(Line::Silent);
        watch(&cut, &other, 20 * SECOND).await;
        assert_eq!((cut.count(), other.count()), (0, 4), "{line:?}");
        cut.line(Line::Up);
        watch(&cut, &other, 5 * SECOND).await;
        assert_eq!((cut.count(), other.count()), (2, 2), "{line:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_changes_nothing() {
    let leases = leases();
    let (process, other) = (Process::start(&leases, 1), Process::start(&leases, 2));
    until(3 * SECOND, || (process.count(), other.count()) == (2, 2)).await;
    process.line(Line::Down);
    let held = process.held.now();
    for step in 0..100 {
        if step == 29 {
            process.line(Line::Up);
        }
        tokio::time::sleep(SECOND / 10).await;
        assert_eq!(process.held.now(), held, "step {step}");
    }
    assert_eq!(other.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_is_dropped_holds_nothing() {
    let (keeper, held) = LeaseKeeper::new(leases(), LeaseRole::Workers, Uuid::from_u128(1));
    let running = tokio::spawn(keeper.run(CancellationToken::new()));
    until(SECOND, || held.now().len() == 4).await;
    running.abort();
    until(SECOND, || held.now().is_empty()).await;
}
