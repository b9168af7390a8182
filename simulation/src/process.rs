//! A process: the production engine, workers, projector and relay, over this world's ports.

use std::sync::Arc;

use daybook_engine::Engine;
use daybook_engine::broker::Broker;
use daybook_engine::clock::Clock;
use daybook_engine::engine::{EngineMetrics, Foundations};
use daybook_engine::ids::Ids;
use daybook_engine::lease::{HeldPartitions, LeaseKeeper, LeaseRole};
use daybook_engine::ledger::Ledger;
use daybook_engine::notices::Notices;
use daybook_engine::wake::Wake;
use daybook_engine::workers::{WorkerFoundations, Workers};
use daybook_projections::feed::{Feed, LedgerFeed, TopicFeed};
use daybook_projections::{Health, Projector};
use daybook_relay::{Relay, RelayFoundations, RelayHealth};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bank::Listener;
use crate::clock::{SKEW_MAX_MS, SkewedClock};
use crate::defect::plant;
use crate::door::Door;
use crate::ports::{BrokerPort, CursorsPort, LeasesPort, LedgerPort, ViewsPort, WorkPort};
use crate::world::World;

pub(crate) struct Process {
    pub(crate) door: Arc<Door>,
    pub(crate) engine: Engine,
    pub(crate) listener: Arc<Listener>,
    workers: Workers,
    projector: watch::Receiver<Health>,
    relay: watch::Receiver<RelayHealth>,
    /// Dropped with the process, and all that they hold.
    _tasks: JoinSet<()>,
}

impl Process {
    /// Starts one with empty memory.
    pub(crate) fn start(world: &Arc<World>, number: usize, before: Option<&Arc<Listener>>) -> Self {
        let life = world.next_number();
        let skew =
            i64::try_from(world.dice.between(0, 2 * SKEW_MAX_MS.unsigned_abs())).unwrap_or(0);
        let clock = SkewedClock::new(world.timeline, skew - SKEW_MAX_MS);
        let door = Arc::new(Door::new(world.clone(), number, life, clock.clone()));
        door.note(|| "starts".to_owned());
        let listener = world.bank.listen(before);
        let ledger = world.stores().ledger.clone();
        let mut starting = Starting {
            acquirer: plant::acquirer(world.defect, door.clone(), listener.clone()),
            ledger: plant::ledger_port(world.defect, LedgerPort { door: door.clone(), ledger }),
            id: Uuid::from_u128(u128::from(world.dice.number())),
            wake: Wake::default(),
            metrics: Arc::default(),
            tasks: JoinSet::new(),
            clock,
            door,
        };
        let engine = starting.engine();
        let notices = Notices { engine: engine.clone(), acquirer: starting.acquirer.clone() };
        starting.tasks.spawn(notices.run(CancellationToken::new()));
        let workers = starting.workers(&engine);
        let projector = starting.projector();
        let relay = starting.relay();
        let Starting { door, tasks, .. } = starting;
        Self { door, engine, listener, workers, projector, relay, _tasks: tasks }
    }

    /// What has stopped for good, which nothing in a run is a reason for.
    pub(crate) fn halted(&self) -> Vec<String> {
        let mut halted = Vec::new();
        if !self.workers.is_running() {
            halted.push("the workers have stopped".to_owned());
        }
        let standing = self.workers.standing();
        halted.extend(standing.iter().map(|(p, why)| format!("workers of partition {p}: {why}")));
        let projector = self.projector.borrow();
        halted.extend(projector.halted.iter().map(|why| format!("the projector: {why}")));
        let stands = projector.partitions.iter();
        halted.extend(stands.map(|(p, why)| format!("the views of partition {p}: {why}")));
        halted.extend(self.relay.borrow().stopped.iter().map(|why| format!("the relay: {why}")));
        halted
    }
}

/// A process whose parts are being started.
struct Starting {
    door: Arc<Door>,
    ledger: Arc<dyn Ledger>,
    acquirer: Arc<dyn daybook_engine::acquirer::Acquirer>,
    clock: Arc<dyn Clock>,
    wake: Wake,
    metrics: Arc<EngineMetrics>,
    /// Under which it holds leases.
    id: Uuid,
    tasks: JoinSet<()>,
}

impl Starting {
    fn engine(&self) -> Engine {
        let seed = self.id.as_u64_pair().1;
        let foundations = Foundations {
            ledger: self.ledger.clone(),
            acquirer: self.acquirer.clone(),
            clock: self.clock.clone(),
            ids: Arc::new(Ids::seeded(self.clock.clone(), seed)),
            wake: self.wake.clone(),
            metrics: self.metrics.clone(),
        };
        Engine::start(foundations, self.door.world.plan.engine)
    }

    fn workers(&mut self, engine: &Engine) -> Workers {
        let world = &self.door.world;
        let work = world.stores().work.clone();
        let settings = plant::workers(world.defect, world.plan.workers.clone());
        let foundations = WorkerFoundations {
            engine: engine.clone(),
            ledger: self.ledger.clone(),
            work: Arc::new(WorkPort { door: self.door.clone(), work }),
            partitions: self.hold(LeaseRole::Workers),
            acquirer: self.acquirer.clone(),
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            metrics: self.metrics.clone(),
        };
        let workers = Workers::new(foundations, settings);
        let running = workers.clone();
        self.tasks.spawn(async move { running.run(CancellationToken::new()).await });
        workers
    }

    fn projector(&mut self) -> watch::Receiver<Health> {
        let plan = &self.door.world.plan;
        let (pace, patience, dead_letters) = (plan.pace, plan.patience, plan.relay.topic);
        let feed: Arc<dyn Feed> = if plan.has_topic_feed {
            Arc::new(TopicFeed::new(self.ledger.clone(), self.broker(), dead_letters, patience))
        } else {
            Arc::new(LedgerFeed::new(self.ledger.clone()))
        };
        let partitions = self.hold(LeaseRole::Projections);
        let views = Arc::new(ViewsPort(self.door.clone()));
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        let projector = Projector::new(ledger, feed, views, pace, partitions, clock);
        let (health, wake) = (projector.health(), self.wake.listen());
        // That it stopped is seen in its health.
        self.tasks.spawn(async move { drop(projector.run(wake, CancellationToken::new()).await) });
        health
    }

    fn relay(&mut self) -> watch::Receiver<RelayHealth> {
        let foundations = RelayFoundations {
            ledger: self.ledger.clone(),
            broker: self.broker(),
            cursors: Arc::new(CursorsPort(self.door.clone())),
            partitions: self.hold(LeaseRole::Relay),
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            seed: self.id.as_u64_pair().1,
        };
        let relay = Relay::new(foundations, self.door.world.plan.relay);
        let health = relay.health();
        self.tasks.spawn(async move { drop(relay.run(CancellationToken::new()).await) });
        health
    }

    fn broker(&self) -> Arc<dyn Broker> {
        let (door, broker) = (self.door.clone(), self.door.world.broker.clone());
        Arc::new(BrokerPort { door, broker })
    }

    /// The role's share of the partitions.
    fn hold(&mut self, role: LeaseRole) -> HeldPartitions {
        let leases = Arc::new(LeasesPort(self.door.clone()));
        let (keeper, held) = LeaseKeeper::new(leases, role, self.id);
        self.tasks.spawn(keeper.run(CancellationToken::new()));
        held
    }
}
