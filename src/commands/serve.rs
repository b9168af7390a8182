//! `daybook serve`: build, run, drain.

mod probes;
mod relaying;

use std::io::Write;
use std::sync::Arc;

use daybook_api::{Api, Drained, HttpMetrics, Limits, Payments, Probe, Server};
use daybook_engine::Engine;
use daybook_engine::acquirer::Acquirer;
use daybook_engine::broker::Broker;
use daybook_engine::clock::Clock;
use daybook_engine::engine::{EngineMetrics, Foundations};
use daybook_engine::ids::Ids;
use daybook_engine::lease::{HeldPartitions, LeaseKeeper, LeaseRole};
use daybook_engine::notices::Notices;
use daybook_engine::seal::{Sealer, SealerFoundations};
use daybook_engine::wake::Wake;
use daybook_engine::workers::{WorkerFoundations, Workers};
use daybook_projections::feed::topic::Patience;
use daybook_projections::feed::{Feed, LedgerFeed, TopicFeed};
use daybook_projections::{Pace, Projector};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::probes::{LedgerLag, LedgerProbe, ProjectionsProbe, StandingProbe, WorkersProbe};
use crate::cli::{Failure, chain};
use crate::config::{Config, Role};
use crate::wiring::{self, Stores};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When it can't start.
pub(crate) async fn run(config: Config) -> Result<(), Failure> {
    let ids = Arc::new(wiring::ids()?);
    // The port first: a process that can't serve must not begin to work.
    let server = Server::bind(config.listen)
        .await
        .map_err(|error| Failure::dependency(&format!("--listen {}", config.listen), &error))?;
    let process = Process::build(&config, ids).await?;
    let address = server.local_addr();
    let stop = super::stop_signal()?;
    // Scripts wait for this line; nobody reading it is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "daybook listening on http://{address}");
    tracing::info!(%address, roles = ?config.roles, "serving");
    let drained = server.run(process.api.clone(), stop).await;
    if let Drained::Abandoned(count) = drained {
        tracing::warn!(count, "requests were still running when the time to drain was up");
    }
    process.stop(config.drain).await;
    tracing::info!("stopped");
    Ok(())
}

/// Everything that runs in one process.
struct Process {
    engine: Engine,
    stores: Stores,
    api: Arc<Api>,
    background: TaskTracker,
    stop: CancellationToken,
}

impl Process {
    async fn build(config: &Config, ids: Arc<Ids>) -> Result<Self, Failure> {
        let stores = Stores::open(config, &ids).await?;
        let broker = wiring::broker(config)?;
        let (clock, wake) = (wiring::clock(), Wake::default());
        let metrics = Arc::new(EngineMetrics::default());
        let mut registry = Registry::with_prefix("daybook");
        let acquirer = wiring::acquirer(config, &mut registry);
        metrics.register(&mut registry);
        let foundations = Foundations {
            ledger: stores.ledger.clone(),
            acquirer: acquirer.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            wake: wake.clone(),
            metrics: metrics.clone(),
        };
        let engine = Engine::start(foundations, config.engine);
        let mut process = Starting {
            config,
            stores: &stores,
            broker,
            clock,
            wake,
            probes: vec![Arc::new(LedgerProbe(stores.ledger.clone()))],
            background: TaskTracker::new(),
            stop: CancellationToken::new(),
            registry: &mut registry,
            process_id: ids.event_id().uuid(),
        };
        process.start_notices(&engine, &acquirer);
        process.start_workers(&engine, acquirer, metrics);
        process.start_projections();
        process.start_relay();
        let Starting { background, stop, probes, clock, .. } = process;
        let api = Arc::new(Api {
            payments: config
                .has_role(Role::Api)
                .then(|| Arc::new(engine.clone()) as Arc<dyn Payments>),
            views: stores
                .views
                .as_ref()
                .filter(|_| config.has_role(Role::Api))
                .map(|views| views.queries.clone()),
            view_lag: Some(Arc::new(LedgerLag { ledger: stores.ledger.clone(), clock })),
            probes,
            ids,
            metrics: HttpMetrics::register(&mut registry),
            registry: Arc::new(registry),
            limits: Limits {
                connections: config.connections_max,
                drain: config.drain,
                default_wait: config.wait,
                max_wait: config.wait_max,
                ..Limits::default()
            },
        });
        Ok(Self { engine, stores, api, background, stop })
    }

    /// Lets running calls end, then stops what runs beside the API, then closes the stores.
    async fn stop(self, limit: std::time::Duration) {
        if !self.engine.drain(limit).await {
            tracing::warn!(
                "calls to the acquirer were still running when the time to drain was up"
            );
        }
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        self.stores.close().await;
    }
}

/// A process whose roles are being started.
struct Starting<'a> {
    config: &'a Config,
    stores: &'a Stores,
    /// `None` where nothing is published.
    broker: Option<Arc<dyn Broker>>,
    clock: Arc<dyn Clock>,
    wake: Wake,
    probes: Vec<Arc<dyn Probe>>,
    background: TaskTracker,
    stop: CancellationToken,
    registry: &'a mut Registry,
    /// Under which this process holds leases.
    process_id: Uuid,
}

impl Starting<'_> {
    /// Late answers come to the process that made the call, whatever its role.
    fn start_notices(&self, engine: &Engine, acquirer: &Arc<dyn Acquirer>) {
        if self.config.has_role(Role::Api) || self.config.has_role(Role::Workers) {
            let notices = Notices { engine: engine.clone(), acquirer: acquirer.clone() };
            self.background.spawn(notices.run(self.stop.clone()));
        }
    }

    fn start_workers(
        &mut self,
        engine: &Engine,
        acquirer: Arc<dyn Acquirer>,
        metrics: Arc<EngineMetrics>,
    ) {
        let work = self.stores.work.clone().filter(|_| self.config.has_role(Role::Workers));
        let Some(work) = work else { return };
        let (partitions, holding) = self.hold_partitions(LeaseRole::Workers);
        let foundations = WorkerFoundations {
            engine: engine.clone(),
            ledger: self.stores.ledger.clone(),
            work,
            acquirer,
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            metrics,
            partitions,
        };
        self.start_sealer(&foundations.partitions);
        let workers = Workers::new(foundations, self.config.workers.clone());
        self.probes.push(Arc::new(WorkersProbe(workers.clone())));
        self.probes.push(Arc::new(StandingProbe(workers.clone())));
        let stop = self.stop.clone();
        self.background.spawn(async move {
            workers.run(stop).await;
            holding.cancel();
        });
    }

    /// Who works on a partition seals it.
    fn start_sealer(&mut self, partitions: &HeldPartitions) {
        let foundations = SealerFoundations {
            ledger: self.stores.ledger.clone(),
            seals: self.stores.seals.clone(),
            partitions: partitions.clone(),
            clock: self.clock.clone(),
        };
        let sealer = Sealer::new(foundations, self.config.sealer);
        sealer.metrics().register(self.registry);
        self.background.spawn(sealer.run(self.stop.clone()));
    }

    fn start_projections(&mut self) {
        let views = self.stores.views.clone().filter(|_| self.config.has_role(Role::Projections));
        let Some(views) = views else { return };
        let ledger = self.stores.ledger.clone();
        let feed = self.feed();
        let (partitions, holding) = self.hold_partitions(LeaseRole::Projections);
        let (pace, clock) = (Pace::default(), self.clock.clone());
        let projector = Projector::new(ledger, feed, views.store, pace, partitions, clock);
        projector.metrics().register(self.registry);
        self.probes.push(Arc::new(ProjectionsProbe(projector.health())));
        let (wake, stop) = (self.wake.listen(), self.stop.clone());
        self.background.spawn(async move {
            if let Err(error) = projector.run(wake, stop).await {
                tracing::error!(error = chain(&error), "the projections stop");
            }
            holding.cancel();
        });
    }

    /// The topic where brokers are set, else the ledger itself.
    fn feed(&mut self) -> Arc<dyn Feed> {
        let ledger = self.stores.ledger.clone();
        let (Some(kafka), Some(broker)) = (&self.config.kafka, self.broker.clone()) else {
            return Arc::new(LedgerFeed::new(ledger));
        };
        let feed = TopicFeed::new(ledger, broker, kafka.relay.topic, Patience::default());
        feed.metrics().register(self.registry);
        Arc::new(feed)
    }

    /// The role's share of the partitions, kept up to date until the token is cancelled: by who works
    /// on them, so that one that has stopped leaves them to others. All of them where nobody shares.
    fn hold_partitions(&self, role: LeaseRole) -> (HeldPartitions, CancellationToken) {
        let holding = self.stop.child_token();
        let Some(leases) = &self.stores.leases else {
            let all = HeldPartitions::all(self.stores.ledger.identity().partitions);
            return (all, holding);
        };
        let (keeper, held) = LeaseKeeper::new(leases.clone(), role, self.process_id);
        self.background.spawn(keeper.run(holding.clone()));
        (held, holding)
    }
}
