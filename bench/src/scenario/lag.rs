//! How far the topic and the views are behind the ledger while a load runs, and after it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::report::Section;
use crate::server::figure;

const OUTBOX_AGE: &str = "daybook_relay_outbox_age_seconds";
const OUTBOX_EVENTS: &str = "daybook_relay_outbox_events";
const VIEWS_LAG: &str = "daybook_views_lag_seconds";
const VIEWS_BEHIND: &str = "daybook_views_behind_events";
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// The server measures once a second: figures of zero must stand for longer to be believed.
const STANDS_FOR: Duration = Duration::from_millis(1500);
/// How long the lags may take to become zero after the load.
const PATIENCE: Duration = Duration::from_secs(120);

/// Samples until it is finished.
#[derive(Debug)]
pub(super) struct Watch {
    server: SocketAddr,
    stop: oneshot::Sender<()>,
    sampling: JoinHandle<Lags>,
}

/// What was sampled.
#[derive(Debug, Default)]
pub(super) struct Lags {
    pub(super) relay_seconds: Vec<f64>,
    pub(super) outbox_events: Vec<f64>,
    pub(super) views_seconds: Vec<f64>,
    pub(super) views_behind: Vec<f64>,
    /// From the end of the load until nothing was behind.
    pub(super) caught_up_after: Option<Duration>,
}

impl Watch {
    pub(super) fn start(server: SocketAddr) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { server, stop, sampling: tokio::spawn(sample(server, stopped)) }
    }

    /// To be called as the load ends: waits until nothing is behind.
    pub(super) async fn finish(self) -> Lags {
        let ended = Instant::now();
        // Nobody listens any more where the sampling has failed.
        let _ = self.stop.send(());
        let mut lags = self.sampling.await.unwrap_or_default();
        let zero_since = timeout(PATIENCE, zero_since(self.server)).await;
        lags.caught_up_after = zero_since.ok().map(|since| since.duration_since(ended));
        lags
    }
}

impl Lags {
    pub(super) fn relay_max(&self) -> Option<Duration> {
        max(&self.relay_seconds).map(Duration::from_secs_f64)
    }

    pub(super) fn views_max(&self) -> Option<Duration> {
        max(&self.views_seconds).map(Duration::from_secs_f64)
    }

    pub(super) fn section(&self) -> Section {
        let mut section = Section::new("lag");
        for (name, values) in [
            ("relayLagMaxSeconds", &self.relay_seconds),
            ("outboxMaxEvents", &self.outbox_events),
            ("viewsLagMaxSeconds", &self.views_seconds),
            ("viewsBehindMaxEvents", &self.views_behind),
        ] {
            match max(values) {
                Some(max) => section.number(name, max),
                None => section.missing(name),
            }
        }
        match self.caught_up_after {
            Some(after) => section.seconds("caughtUpAfterSeconds", after),
            None => section.missing("caughtUpAfterSeconds"),
        }
        section
    }
}

fn max(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

async fn sample(server: SocketAddr, mut stopped: oneshot::Receiver<()>) -> Lags {
    let mut lags = Lags::default();
    while timeout(SAMPLE_EVERY, &mut stopped).await.is_err() {
        lags.relay_seconds.extend(figure(server, OUTBOX_AGE).await);
        lags.outbox_events.extend(figure(server, OUTBOX_EVENTS).await);
        lags.views_seconds.extend(figure(server, VIEWS_LAG).await);
        lags.views_behind.extend(figure(server, VIEWS_BEHIND).await);
    }
    lags
}

/// Since when nothing is behind; waits until that has stood for a while.
async fn zero_since(server: SocketAddr) -> Instant {
    let mut since = None;
    loop {
        let behind = [figure(server, OUTBOX_EVENTS).await, figure(server, VIEWS_BEHIND).await];
        let is_zero = behind.iter().all(|figure| *figure == Some(0.0));
        since = is_zero.then(|| since.unwrap_or_else(Instant::now));
        if let Some(since) = since.filter(|since| since.elapsed() >= STANDS_FOR) {
            return since;
        }
        sleep(SAMPLE_EVERY).await;
    }
}
