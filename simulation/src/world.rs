//! The world: everything outside of the processes, which outlives them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daybook_engine::broker::memory::MemoryBroker;
use daybook_engine::ids::{LedgerId, Partition};
use daybook_engine::lease::memory::MemoryLeases;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Head, Ledger, LedgerIdentity, Recorded, Stretch};
use daybook_engine::work::WorkStore;
use daybook_engine::work::memory::MemoryWork;
use daybook_projections::ViewStore;
use daybook_relay::cursors::memory::MemoryRelayCursors;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::bank::Bank;
use crate::clock::{SkewedClock, Timeline};
use crate::defect::{Defect, plant};
use crate::dice::Dice;
use crate::faults::{Fault, Faults};
use crate::oracle::{Entry, Oracle};
use crate::plan::Plan;
use crate::process::Process;
use crate::trace::Trace;
use crate::views::MemoryViews;

/// What every ledger of every run is called: payments have the same ids in all of them.
pub(crate) const LEDGER: LedgerId = LedgerId::from_uuid(Uuid::from_u128(7));

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) defect: Option<Defect>,
    pub(crate) timeline: Timeline,
    pub(crate) dice: Dice,
    pub(crate) trace: Trace,
    pub(crate) faults: Faults,
    pub(crate) bank: Bank,
    pub(crate) broker: MemoryBroker,
    stores: Mutex<Stores>,
    oracle: Mutex<Oracle>,
    /// By number; `None` while one is down.
    processes: Mutex<Vec<Option<Arc<Process>>>>,
    death: Notify,
    numbers: AtomicU64,
}

/// The databases of the moment.
#[derive(Clone)]
pub(crate) struct Stores {
    /// As processes use it.
    pub(crate) ledger: Arc<dyn Ledger>,
    /// What is in there.
    pub(crate) work_rows: Arc<MemoryWork>,
    pub(crate) work: Arc<dyn WorkStore>,
    pub(crate) view_rows: Arc<MemoryViews>,
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) cursors: Arc<MemoryRelayCursors>,
    pub(crate) leases: Arc<MemoryLeases>,
}

impl World {
    pub(crate) fn new(seed: u64, defect: Option<Defect>, trace: Trace) -> Arc<Self> {
        let (dice, timeline) = (Dice::new(seed), Timeline::begin());
        let plan = Plan::draw(&dice);
        let name = "daybook.payments".parse().expect("the default name is a topic's");
        let call_limit_ms = u64::try_from(crate::plan::CALL.as_millis()).unwrap_or(u64::MAX);
        let identity = LedgerIdentity { id: LEDGER, incarnation: 1, partitions: plan.partitions };
        let ledger = plant::ledger(defect, Arc::new(MemoryLedger::new(identity)));
        let clock = SkewedClock::new(timeline, 0);
        Arc::new(Self {
            broker: MemoryBroker::new(name, seed, plant::broker(defect)),
            bank: Bank::new(seed),
            stores: Mutex::new(Stores::new(ledger, defect, clock)),
            oracle: Mutex::new(Oracle::new(plan.partitions, call_limit_ms)),
            processes: Mutex::new(vec![None; plan.processes]),
            faults: Faults::default(),
            death: Notify::new(),
            numbers: AtomicU64::new(0),
            plan,
            defect,
            timeline,
            dice,
            trace,
        })
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.trace.note(|| format!("{:>7} ms  {}", self.timeline.now_ms(), line()));
    }

    /// In so many of 10,000 cases, while anything fails at all; counted.
    pub(crate) fn fails(&self, fault: Fault, of_10_000: u64) -> bool {
        let fails = !self.faults.are_over() && self.dice.chance(of_10_000);
        if fails {
            self.faults.count(fault);
            self.note(|| fault.to_string());
        }
        fails
    }

    pub(crate) fn stores(&self) -> MutexGuard<'_, Stores> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn views(&self) -> Arc<dyn ViewStore> {
        self.stores().views.clone()
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn processes(&self) -> MutexGuard<'_, Vec<Option<Arc<Process>>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are not down.
    pub(crate) fn alive(&self) -> Vec<Arc<Process>> {
        let processes = self.processes();
        processes.iter().flatten().filter(|process| !process.door.is_dead()).cloned().collect()
    }

    pub(crate) fn someone_died(&self) {
        self.death.notify_one();
    }

    pub(crate) async fn death(&self) {
        self.death.notified().await;
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    /// Shows the oracle what is new in the ledger.
    pub(crate) async fn look_at_ledger(&self) {
        let ledger = self.stores().ledger.clone();
        let shown = self.oracle().heads();
        let heads = ledger.heads().await.unwrap_or_default();
        let new = heads.iter().zip(&shown).filter(|(head, shown)| head.position > **shown);
        let stretch = |(head, shown): (&Head, &u64)| Stretch {
            partition: head.partition,
            from: shown + 1,
            limit: u32::MAX,
        };
        let stretches: Vec<_> = new.map(stretch).collect();
        if stretches.is_empty() {
            return;
        }
        for recorded in ledger.read(&stretches).await.unwrap_or_default() {
            self.note(|| {
                let (partition, position) = (recorded.partition, recorded.position);
                format!("ledger: {partition}:{position} {} {}", recorded.event_type, recorded.data)
            });
            self.oracle().committed(entry(&recorded));
        }
    }

    /// The whole ledger.
    pub(crate) async fn ledger(&self) -> Vec<Entry> {
        let ledger = self.stores().ledger.clone();
        let partitions = Partition::all(self.plan.partitions);
        let stretch = |partition| Stretch { partition, from: 1, limit: u32::MAX };
        let all = ledger.read(&partitions.map(stretch).collect::<Vec<_>>()).await;
        all.unwrap_or_default().iter().map(entry).collect()
    }
}

impl Stores {
    pub(crate) fn new(
        ledger: Arc<dyn Ledger>,
        defect: Option<Defect>,
        clock: Arc<SkewedClock>,
    ) -> Self {
        let partitions = ledger.identity().partitions;
        let work_rows = Arc::new(MemoryWork::new(clock.clone()));
        let view_rows = Arc::new(MemoryViews::new(partitions));
        Self {
            work: plant::work(defect, work_rows.clone()),
            views: plant::views(defect, view_rows.clone()),
            cursors: Arc::new(MemoryRelayCursors::default()),
            leases: Arc::new(MemoryLeases::new(partitions, clock)),
            ledger,
            work_rows,
            view_rows,
        }
    }
}

fn entry(recorded: &Recorded) -> Entry {
    Entry {
        partition: recorded.partition.number(),
        position: recorded.position,
        payment: recorded.payment_id.to_string(),
        version: recorded.version,
        id: recorded.event_id.to_string(),
        kind: recorded.event_type.trim_start_matches("payment.").to_owned(),
        text: recorded.data.to_string(),
        data: serde_json::from_str(&recorded.data).unwrap_or_default(),
        trace: recorded.traceparent.as_deref().map(str::to_owned),
    }
}
