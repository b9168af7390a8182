//! One run: a seed's world, its clients, what goes wrong, and what the oracle says in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use daybook_engine::ids::Partition;
use daybook_engine::record::{Published as Record, TopicRecord};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clients::{self, Answered};
use crate::defect::{Defect, plant};
use crate::faults::Fault;
use crate::oracle::{Breach, Published, Reached, Told};
use crate::trace::{Keep, Trace};
use crate::world::World;
use crate::{chaos, wish};

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    /// What the oracle found, in order; none where all is well.
    pub breaches: Vec<Breach>,
    pub faults: BTreeMap<Fault, u64>,
    /// How often each kind of event was recorded.
    pub kinds: BTreeMap<String, u64>,
    /// Simulated milliseconds.
    pub ended_at_ms: u64,
    /// Of the trace, where it was to be kept.
    pub hash: String,
    pub trace: Vec<String>,
}

/// Clients that have not finished by then are sent home.
const ACTIVE_MAX: Duration = Duration::from_secs(25);
/// How long everything may take to settle once nothing fails any more.
const REST_MAX: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs a seed from beginning to end.
///
/// # Panics
/// When a runtime can't be built.
#[must_use]
pub fn run(seed: u64, defect: Option<Defect>, keep: Keep) -> Report {
    plant::engine(defect);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs memory only");
    let report = runtime.block_on(live(seed, defect, keep));
    drop(runtime);
    plant::engine(None);
    report
}

async fn live(seed: u64, defect: Option<Defect>, keep: Keep) -> Report {
    let world = World::new(seed, defect, Trace::new(keep));
    world.note(|| format!("seed {seed}: {:?}", world.plan));
    let answered = Answered::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(chaos::supervise(world.clone()));
    tasks.spawn(chaos::reign(world.clone()));
    let mut clients = JoinSet::new();
    for _ in 0..world.plan.clients {
        clients.spawn(clients::live(world.clone(), answered.clone()));
    }
    let asked = async { while clients.join_next().await.is_some() {} };
    // Whether or not all of them came to an end.
    let _ = timeout(ACTIVE_MAX, asked).await;
    clients.shutdown().await;
    chaos::end(&world);
    while world.alive().len() < world.plan.processes {
        sleep(LOOK_EVERY).await;
    }
    come_to_rest(&world).await;
    // Whom a notice did not reach because it died is told again.
    world.bank.announce_again();
    ask_again(&world, &answered).await;
    let halted = come_to_rest(&world).await;
    judge(&world, &halted).await;
    tasks.shutdown().await;
    report(&world, seed)
}

/// Waits until everything has settled, or should have.
async fn come_to_rest(world: &Arc<World>) -> Vec<String> {
    let mut halted = Vec::new();
    let deadline = tokio::time::Instant::now() + REST_MAX;
    while tokio::time::Instant::now() < deadline && world.oracle().breaches().is_empty() {
        sleep(LOOK_EVERY).await;
        world.look_at_ledger().await;
        let alive = world.alive();
        halted = alive.iter().flat_map(|process| process.halted()).collect();
        let is_settled = {
            let flagged = flagged(world);
            let oracle = world.oracle();
            oracle.unsettled(&flagged).is_empty() && oracle.behind(&readers(world)).is_empty()
        };
        if !halted.is_empty() || (is_settled && world.bank.is_idle()) {
            break;
        }
    }
    halted
}

/// Every request that was ever answered is repeated, and must be answered the same.
async fn ask_again(world: &Arc<World>, answered: &Answered) {
    let mut wishes = answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // What was lost with the ledger's end would be begun anew.
    let is_recorded = |wish: &wish::Wish| world.oracle().is_recorded(&wish.asked("", false));
    wishes.retain(is_recorded);
    wishes.sort_by_key(|wish| format!("{wish:?}"));
    wishes.dedup();
    for wish in wishes {
        let Some(process) = world.alive().into_iter().next() else { return };
        let (wait, patience) = (Duration::ZERO, Duration::from_secs(5));
        let told = clients::ask_of(world, &wish, &process, wait, patience).await;
        world.note(|| format!("asked again: {:?}", told.as_ref().map(is_success)));
    }
}

const fn is_success(told: &Told) -> bool {
    matches!(told, Told::Payment { .. })
}

async fn judge(world: &Arc<World>, halted: &[String]) {
    world.look_at_ledger().await;
    let ledger = world.ledger().await;
    let (topic, executed, flagged) = (topic(world), world.bank.executed(), flagged(world));
    let readers = readers(world);
    let rows = world.stores().view_rows.clone();
    let mut oracle = world.oracle();
    oracle.still_there(&ledger);
    for (partition, position) in Partition::all(world.plan.partitions).zip(rows.positions()) {
        oracle.views(partition.number(), position, &rows.rows(partition));
    }
    oracle.topic(&topic);
    oracle.book(&executed);
    oracle.rest(&flagged, &readers, halted);
}

/// Operations that people were told to look at.
fn flagged(world: &World) -> BTreeSet<String> {
    let items = world.stores().work_rows.items();
    let flagged = items.into_iter().filter(|item| item.flagged);
    flagged.map(|item| item.operation_id.to_string()).collect()
}

fn readers(world: &World) -> Vec<Reached> {
    let topic = topic(world);
    let ledger = world.stores().ledger.clone();
    // What a restore has lost says nothing of the ledger as it is.
    let published = |partition: Partition| {
        let own = topic.iter().filter(|record| record.partition == partition.number());
        let kept = own.filter(|record| {
            !ledger.incarnations().is_void(partition, record.incarnation, record.position)
        });
        kept.map(|record| record.position).max().unwrap_or(0)
    };
    let positions = Partition::all(world.plan.partitions).map(published).collect();
    let views = world.stores().view_rows.positions();
    vec![
        Reached { reader: "the topic", positions },
        Reached { reader: "the views", positions: views },
    ]
}

fn topic(world: &World) -> Vec<Published> {
    let records = Partition::all(world.plan.partitions).flat_map(|p| world.broker.records(p));
    records.filter_map(|record| published(&record)).collect()
}

fn published(record: &TopicRecord) -> Option<Published> {
    let Record { recorded, incarnation, .. } = Record::read(record).ok()?;
    Some(Published {
        partition: recorded.partition.number(),
        incarnation,
        position: recorded.position,
        id: recorded.event_id.to_string(),
        text: recorded.data.to_string(),
    })
}

fn report(world: &World, seed: u64) -> Report {
    let mut faults = world.faults.counts();
    // The broker repeats by itself: what is not a first occurrence.
    let topic = topic(world);
    let firsts: BTreeSet<_> =
        topic.iter().map(|r| (r.partition, r.incarnation, r.position)).collect();
    let twice = topic.len().saturating_sub(firsts.len());
    *faults.entry(Fault::RecordTwice).or_default() += u64::try_from(twice).unwrap_or(0);
    world.processes().clear();
    let oracle = world.oracle();
    Report {
        seed,
        breaches: oracle.breaches().to_vec(),
        faults,
        kinds: oracle.kinds(),
        ended_at_ms: world.timeline.now_ms(),
        hash: world.trace.hash(),
        trace: world.trace.lines(),
    }
}
