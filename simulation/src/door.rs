//! A process's door: everything that it does to the world goes through it, and everything that the
//! world does to the process happens there.
//!
//! A process that died goes through it no more: whatever its tasks still do ends here, and nothing of
//! theirs is seen. One that stands still waits here, before its call is made or before it has its
//! answer, while time goes on for all others.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::SkewedClock;
use crate::faults::Fault;
use crate::world::World;

/// What a step risks: a look is made all the time, and a change matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Risk {
    Look,
    Change,
}

pub(crate) struct Door {
    pub(crate) world: Arc<World>,
    /// Which process, and which of its lives.
    pub(crate) process: usize,
    pub(crate) life: u64,
    pub(crate) clock: Arc<SkewedClock>,
    stalled_until: Mutex<Option<Instant>>,
    is_dead: AtomicBool,
    death: Notify,
}

impl Door {
    pub(crate) fn new(
        world: Arc<World>,
        process: usize,
        life: u64,
        clock: Arc<SkewedClock>,
    ) -> Self {
        let (stalled_until, is_dead, death) =
            (Mutex::default(), AtomicBool::default(), Notify::new());
        Self { world, process, life, clock, stalled_until, is_dead, death }
    }

    /// Makes a call: through the door, and back.
    pub(crate) async fn cross<T>(
        &self,
        step: &'static str,
        risk: Risk,
        call: impl Future<Output = T>,
    ) -> T {
        self.pass(step, risk, Fault::CrashBefore).await;
        let answer = call.await;
        self.pass(step, risk, Fault::CrashAfter).await;
        answer
    }

    /// Goes through the door once.
    pub(crate) async fn pass(&self, step: &'static str, risk: Risk, crash: Fault) {
        self.wait(risk).await;
        let World { faults, dice, .. } = &*self.world;
        if !faults.are_over() {
            let of_10_000 = if risk == Risk::Change { 120 } else { 1 };
            if dice.chance(of_10_000) && self.die() {
                faults.count(crash);
                self.note(|| format!("{crash}: {step}"));
            }
            if risk == Risk::Change && self.fails(Fault::Stalled, 60) {
                self.stall(dice.millis(300, 5_000));
            }
        }
        self.wake_up().await;
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        if risk == Risk::Change {
            let side = if crash == Fault::CrashBefore { "goes" } else { "is done" };
            self.note(|| format!("{step} {side}"));
        }
    }

    /// The way takes its time.
    async fn wait(&self, risk: Risk) {
        let World { faults, dice, .. } = &*self.world;
        let (is_slow, is_late) = match risk {
            Risk::Look => (500, 5),
            Risk::Change => (6_000, 150),
        };
        if !faults.are_over() && dice.chance(is_late) {
            faults.count(Fault::Delayed);
            sleep(dice.millis(100, 900)).await;
        } else if dice.chance(is_slow) {
            sleep(dice.millis(1, 6)).await;
        }
    }

    async fn wake_up(&self) {
        loop {
            let until = *self.stalled();
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Stands still for so long.
    pub(crate) fn stall(&self, time: Duration) {
        *self.stalled() = Some(Instant::now() + time);
    }

    pub(crate) fn awake(&self) {
        *self.stalled() = None;
    }

    /// Dies; `false` where it is dead already.
    pub(crate) fn die(&self) -> bool {
        let was_dead = self.is_dead.swap(true, Ordering::SeqCst);
        if !was_dead {
            self.death.notify_waiters();
            self.world.someone_died();
        }
        !was_dead
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// Returns when it is dead.
    pub(crate) async fn died(&self) {
        let mut death = pin!(self.death.notified());
        death.as_mut().enable();
        if !self.is_dead() {
            death.await;
        }
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let (process, life) = (self.process, self.life);
        self.world.note(|| format!("process {process}.{life}: {}", line()));
    }

    /// In so many of 10,000 cases, while anything fails at all; counted.
    pub(crate) fn fails(&self, fault: Fault, of_10_000: u64) -> bool {
        let World { faults, dice, .. } = &*self.world;
        let fails = !faults.are_over() && dice.chance(of_10_000);
        if fails {
            faults.count(fault);
            self.note(|| fault.to_string());
        }
        fails
    }

    fn stalled(&self) -> MutexGuard<'_, Option<Instant>> {
        self.stalled_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
