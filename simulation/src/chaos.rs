//! What happens to the world while clients ask: processes die, stand still and come back, databases
//! lose what may be lost, and the ledger falls back to an older copy.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::adoption::{Follower, Restored};
use daybook_engine::clock::Clock;
use daybook_engine::ids::Partition;
use daybook_engine::lease::memory::MemoryLeases;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Append, AppendText, Ledger, NewEvent, Recorded, StoreError, Stretch};
use daybook_engine::payment::EventType;
use daybook_projections::adoption::Views;
use daybook_relay::adoption::Topics;
use daybook_relay::cursors::memory::MemoryRelayCursors;
use tokio::time::sleep;

use crate::bank::Listener;
use crate::clock::{SKEW_MAX_MS, SkewedClock};
use crate::defect::plant;
use crate::faults::Fault;
use crate::process::Process;
use crate::views::MemoryViews;
use crate::world::{Stores, World};

/// A copy of the ledger that may be restored.
type Copy = Option<Vec<u64>>;

/// Lets things happen until nothing may fail any more.
pub(crate) async fn reign(world: Arc<World>) {
    let dice = &world.dice;
    let mut copy: Copy = None;
    while !world.faults.are_over() {
        sleep(dice.millis(100, 700)).await;
        if world.faults.are_over() {
            return;
        }
        match dice.between(0, 99) {
            0..7 => kill(&world),
            7..17 => stall(&world),
            17..25 => step_clock(&world),
            25..29 => lose_views(&world),
            29..32 => lose_leases(&world),
            32..35 => lose_cursors(&world),
            35..37 => lose_work(&world),
            37..42 => stop_broker(&world),
            42..48 => copy = Some(world.oracle().heads()),
            48..51 if copy.is_some() => fall_back(&world, copy.take().unwrap_or_default()).await,
            _ => {}
        }
    }
}

/// Starts what is down, as long as the run goes on.
pub(crate) async fn supervise(world: Arc<World>) {
    let mut before: Vec<Option<Arc<Listener>>> = vec![None; world.plan.processes];
    loop {
        for (number, before) in before.iter_mut().enumerate() {
            let dead = world.processes()[number].take_if(|process| process.door.is_dead());
            if let Some(process) = dead {
                world.oracle().halted(&process.halted());
                // Its tasks end with it.
                drop(process);
            }
            if world.processes()[number].is_some() {
                continue;
            }
            if before.is_some() && !world.faults.are_over() {
                sleep(world.dice.millis(20, 1_200)).await;
            }
            let process = Arc::new(Process::start(&world, number, before.as_ref()));
            *before = Some(process.listener.clone());
            world.processes()[number] = Some(process);
        }
        world.death().await;
    }
}

fn one(world: &World) -> Option<Arc<Process>> {
    let alive = world.alive();
    (!alive.is_empty()).then(|| world.dice.pick(&alive).clone())
}

fn kill(world: &World) {
    let Some(process) = one(world) else { return };
    world.faults.count(Fault::Killed);
    process.door.note(|| Fault::Killed.to_string());
    process.door.die();
}

fn stall(world: &World) {
    let Some(process) = one(world) else { return };
    let time = world.dice.millis(500, 7_000);
    world.faults.count(Fault::Stalled);
    process.door.note(|| format!("stands still for {} ms", time.as_millis()));
    process.door.stall(time);
}

fn step_clock(world: &World) {
    let Some(process) = one(world) else { return };
    let max = SKEW_MAX_MS.unsigned_abs();
    let ahead = i64::try_from(world.dice.between(0, 2 * max)).unwrap_or(0) - SKEW_MAX_MS;
    world.faults.count(Fault::ClockStepped);
    process.door.note(|| format!("its clock is {ahead} ms ahead from now on"));
    process.door.clock.step_to(ahead);
}

fn lose_views(world: &World) {
    world.faults.count(Fault::ViewsLost);
    world.note(|| Fault::ViewsLost.to_string());
    let mut stores = world.stores();
    stores.view_rows = Arc::new(MemoryViews::new(world.plan.partitions));
    stores.views = plant::views(world.defect, stores.view_rows.clone());
}

fn lose_leases(world: &World) {
    world.faults.count(Fault::LeasesLost);
    world.note(|| Fault::LeasesLost.to_string());
    let clock = SkewedClock::new(world.timeline, 0);
    world.stores().leases = Arc::new(MemoryLeases::new(world.plan.partitions, clock));
}

fn lose_cursors(world: &World) {
    world.faults.count(Fault::CursorsLost);
    world.note(|| Fault::CursorsLost.to_string());
    world.stores().cursors = Arc::new(MemoryRelayCursors::default());
}

/// The database of the work rows is lost with its claims, and every process starts on an empty one.
fn lose_work(world: &World) {
    world.faults.count(Fault::WorkLost);
    world.note(|| Fault::WorkLost.to_string());
    stop_all(world);
    let before = world.stores().clone();
    let Stores { work, work_rows, .. } =
        Stores::new(before.ledger, world.defect, SkewedClock::new(world.timeline, 0));
    let mut stores = world.stores();
    (stores.work, stores.work_rows) = (work, work_rows);
    drop(stores);
    world.oracle().claims_lost();
}

fn stop_all(world: &World) {
    for process in world.alive() {
        process.door.die();
    }
}

fn stop_broker(world: &Arc<World>) {
    world.faults.count(Fault::BrokerDown);
    world.note(|| Fault::BrokerDown.to_string());
    world.broker.stop();
    let world = world.clone();
    tokio::spawn(async move {
        sleep(world.dice.millis(200, 3_000)).await;
        world.broker.start();
    });
}

/// Every process is stopped, the ledger is restored from a copy that ends at `heads`, and adopted as
/// `daybook ledger adopt` does it. The topic, the acquirer and the clients know more than the ledger.
async fn fall_back(world: &World, heads: Vec<u64>) {
    world.faults.count(Fault::LedgerFellBack);
    world.note(|| format!("{} that ends at {heads:?}", Fault::LedgerFellBack));
    stop_all(world);
    let before = world.stores().ledger.clone();
    let restored = MemoryLedger::with(before.identity(), before.incarnations().clone());
    restore(&*before, &restored, &heads).await;
    if let Err(error) = adopt(world, &restored).await {
        world.oracle().halted(&[format!("the restored ledger can't be adopted: {error}")]);
    }
    let ledger = plant::ledger(world.defect, Arc::new(restored.reopened()));
    world.oracle().fell_back(&heads);
    world.stores().ledger = ledger;
}

/// The real adoption, over what is left of the stores.
async fn adopt(world: &World, restored: &MemoryLedger) -> Result<u32, StoreError> {
    let Stores { work_rows, view_rows, views, cursors, .. } = world.stores().clone();
    let now = SkewedClock::new(world.timeline, 0).now();
    let followers: Vec<Box<dyn Follower>> = vec![
        Box::new(Topics::new(&*cursors, &*cursors)),
        Box::new(Views::new(&*views, &*view_rows)),
    ];
    let restored = Restored { ledger: restored, adoption: restored, work: &*work_rows, followers };
    restored.adopt(now, &mut |line| world.note(|| line)).await
}

/// Copies every partition up to its head, event by event.
async fn restore(from: &dyn Ledger, to: &MemoryLedger, heads: &[u64]) {
    let partitions = Partition::all(from.identity().partitions);
    for (partition, head) in partitions.zip(heads) {
        let limit = u32::try_from(*head).unwrap_or(u32::MAX);
        let stretch = Stretch { partition, from: 1, limit };
        for recorded in from.read(&[stretch]).await.unwrap_or_default() {
            if recorded.position <= *head {
                let append = append(from, &recorded).await;
                // A copy of what fitted fits.
                let _ = to.append(&[append]).await;
            }
        }
    }
}

async fn append(from: &dyn Ledger, recorded: &Recorded) -> Append {
    let texts = from.texts(recorded.payment_id).await.unwrap_or_default();
    let own = texts.into_iter().filter(|text| text.version == recorded.version);
    let text = |text: daybook_engine::event_text::EventText| {
        Some(AppendText { name: text.name, salt: text.salt?, text: text.text? })
    };
    let event_type = EventType::parse(&recorded.event_type).map_or("", EventType::as_str);
    Append {
        payment_id: recorded.payment_id,
        first_version: recorded.version,
        events: vec![NewEvent {
            event_id: recorded.event_id,
            event_type,
            data: recorded.data.to_string(),
        }],
        texts: own.filter_map(text).collect(),
        traceparent: recorded.traceparent.clone(),
        recorded_at: recorded.recorded_at,
    }
}

/// Nothing fails any more: whoever stands still wakes up, the broker is back, clocks stay.
pub(crate) fn end(world: &World) {
    world.faults.end();
    world.note(|| "nothing fails any more".to_owned());
    world.broker.start();
    world.broker.behave(daybook_engine::broker::memory::Behaviour {
        latency: Duration::from_millis(1)..=Duration::from_millis(2),
        swallow_bps: plant::broker(world.defect).swallow_bps,
        ..Default::default()
    });
    world.alive().iter().for_each(|process| process.door.awake());
}
