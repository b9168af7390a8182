//! The simulator in this process, and the same behind HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daybook_api::{AcquirerSite, Drained, HttpMetrics, Limits, Server};
use daybook_engine::acquirer::Acquirer;
use daybook_engine::acquirer::breaker::BreakerSettings;
use daybook_engine::acquirer::contract::{AcquirerFixture, CALL_LIMIT};
use daybook_engine::acquirer::desk::AcquirerDesk;
use daybook_engine::acquirer::http::{HttpAcquirer, HttpSettings};
use daybook_engine::acquirer::record::sqlite::SqliteRecord;
use daybook_engine::acquirer::simulator::{Simulator, SimulatorSettings};
use daybook_engine::clock::{Clock, SystemClock};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct InProcess(Arc<dyn Acquirer>);

impl AcquirerFixture for InProcess {
    fn acquirer(&self) -> Arc<dyn Acquirer> {
        self.0.clone()
    }
}

fn simulator() -> Simulator<Arc<dyn Clock>> {
    let settings = SimulatorSettings { call_limit: CALL_LIMIT, ..SimulatorSettings::default() };
    Simulator::new(settings, Arc::new(SystemClock))
}

pub(crate) async fn in_process() -> InProcess {
    InProcess(Arc::new(simulator()))
}

pub(crate) struct OverHttp {
    acquirer: Arc<dyn Acquirer>,
    _serving: Serving,
    _folder: TempDir,
}

impl AcquirerFixture for OverHttp {
    fn acquirer(&self) -> Arc<dyn Acquirer> {
        self.acquirer.clone()
    }
}

pub(crate) async fn over_http() -> OverHttp {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = serve("127.0.0.1:0", &folder.path().join("acquirer.db")).await;
    let acquirer = Arc::new(HttpAcquirer::start(settings(address)));
    OverHttp { acquirer, _serving: serving, _folder: folder }
}

/// A served simulator.
pub(crate) struct Serving {
    stop: CancellationToken,
    running: JoinHandle<Drained>,
}

impl Serving {
    /// Ends it with all its connections.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.running.await.unwrap(), Drained::Whole);
    }
}

/// Serves the simulator, with its record in this file.
pub(crate) async fn serve(listen: &str, record: &Path) -> (SocketAddr, Serving) {
    let server = Server::bind(listen).await.unwrap();
    let address = server.local_addr();
    let record = Arc::new(SqliteRecord::open(record).await.unwrap());
    let site = Arc::new(AcquirerSite {
        desk: AcquirerDesk::open(simulator(), record, Arc::new(SystemClock)),
        metrics: HttpMetrics::register(&mut Registry::default()),
        limits: Limits::default(),
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run_acquirer(site, stop.clone().cancelled_owned()));
    (address, Serving { stop, running })
}

/// A breaker that never opens, and limits that suit a test.
pub(crate) fn settings(address: SocketAddr) -> HttpSettings {
    HttpSettings {
        endpoint: format!("http://{address}").parse().unwrap(),
        trust: None,
        connect_limit: Duration::from_secs(5),
        call_limit: CALL_LIMIT,
        places: 64,
        breaker: BreakerSettings { calls_min: u32::MAX, ..BreakerSettings::default() },
    }
}
