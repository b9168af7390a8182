//! A served API, and requests of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daybook_api::{Api, Drained, HttpMetrics, Limits, Server};
use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::ids::Ids;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::client::{Response, get, post, send};
use crate::stand_in::{PAYMENT_ID, Script, StandIn};

pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    pub(crate) engine: Arc<StandIn>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Drained>,
}

/// An API whose operations end as scripted.
pub(crate) async fn serve(script: Script) -> Served {
    serve_with(script, |_| {}).await
}

pub(crate) async fn serve_with(script: Script, change: impl FnOnce(&mut Api)) -> Served {
    let engine = Arc::new(StandIn::new(script));
    let mut api = api(Arc::clone(&engine));
    change(&mut api);
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let running = tokio::spawn(server.run(Arc::new(api), shutdown));
    Served { addr, engine, stop, running }
}

fn api(engine: Arc<StandIn>) -> Api {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut registry = Registry::with_prefix("daybook");
    Api {
        payments: Some(engine),
        views: None,
        view_lag: None,
        probes: Vec::new(),
        ids: Arc::new(Ids::seeded(clock, 1)),
        metrics: HttpMetrics::register(&mut registry),
        registry: Arc::new(registry),
        limits: Limits::default(),
    }
}

impl Served {
    pub(crate) async fn send(&self, request: &[u8]) -> Response {
        send(self.addr, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(&get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Response {
        self.send(&post(path, "", body)).await
    }

    /// Authorizes 1000 EUR cents under key `k-1`.
    pub(crate) async fn authorize(&self) -> Response {
        self.post("/api/v1/payments", AUTHORIZE).await
    }

    /// One of the payment's own routes: `/captures` and the like.
    pub(crate) async fn post_to_payment(&self, end: &str, body: &str) -> Response {
        self.post(&format!("/api/v1/payments/{PAYMENT_ID}{end}"), body).await
    }

    /// Begins to stop; the server's end is awaited with the handle.
    pub(crate) fn stop(self) -> (JoinHandle<Drained>, Arc<StandIn>) {
        self.stop.send(()).unwrap();
        (self.running, self.engine)
    }
}

pub(crate) const AUTHORIZE: &str =
    r#"{"merchantId":"shop-1","amount":1000,"currency":"EUR","idempotencyKey":"k-1"}"#;

/// Waits for a condition, and says which never came true.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
