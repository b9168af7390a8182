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
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// How long the lags may take to become zero after the load.
const PATIENCE: Duration = Duration::from_secs(30);

/// Samples until it is stopped.
#[derive(Debug)]
pub(super) struct Watch {
    server: SocketAddr,
    stop: oneshot::Sender<()>,
    sampling: JoinHandle<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    relay_seconds: Vec<f64>,
    outbox_events: Vec<f64>,
    views_seconds: Vec<f64>,
}

impl Watch {
    pub(super) fn start(server: SocketAddr) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { server, stop, sampling: tokio::spawn(sample(server, stopped)) }
    }

    /// Waits until nothing is behind; the figures, or none where the server has no such metrics.
    pub(super) async fn finish(self) -> Option<Section> {
        let ended = Instant::now();
        let _ = self.stop.send(());
        let samples = self.sampling.await.ok()?;
        if samples.relay_seconds.is_empty() && samples.views_seconds.is_empty() {
            return None;
        }
        let caught_up = timeout(PATIENCE, caught_up(self.server)).await;
        let mut section = Section::new("lag");
        for (name, values) in [
            ("relayLagMaxSeconds", &samples.relay_seconds),
            ("outboxMaxEvents", &samples.outbox_events),
            ("viewsLagMaxSeconds", &samples.views_seconds),
        ] {
            match values.iter().copied().reduce(f64::max) {
                Some(max) => section.number(name, max),
                None => section.missing(name),
            }
        }
        match caught_up {
            Ok(()) => section.seconds("caughtUpAfterSeconds", ended.elapsed()),
            Err(_) => section.missing("caughtUpAfterSeconds"),
        }
        Some(section)
    }
}

async fn sample(server: SocketAddr, mut stopped: oneshot::Receiver<()>) -> Samples {
    let mut samples = Samples::default();
    while timeout(SAMPLE_EVERY, &mut stopped).await.is_err() {
        samples.relay_seconds.extend(figure(server, OUTBOX_AGE).await);
        samples.outbox_events.extend(figure(server, OUTBOX_EVENTS).await);
        samples.views_seconds.extend(figure(server, VIEWS_LAG).await);
    }
    samples
}

async fn caught_up(server: SocketAddr) {
    loop {
        let relay = figure(server, OUTBOX_EVENTS).await.unwrap_or(0.0);
        let views = figure(server, VIEWS_LAG).await.unwrap_or(0.0);
        if relay == 0.0 && views == 0.0 {
            return;
        }
        sleep(SAMPLE_EVERY).await;
    }
}
