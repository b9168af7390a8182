//! The listener: accepts within a bound, serves HTTP/1.1, stops without losing an accepted request.

mod linger;
mod patience;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acquirer::AcquirerSite;
use crate::answer::Reply;
use crate::api::Api;
use crate::exchange;
use crate::limits::Limits;
use crate::metrics::HttpMetrics;

use patience::Patience;

/// How much of a request's head hyper may hold.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How many refused connections may linger until their clients have read the answer.
const MAX_LINGERING: usize = 256;
/// What waits before an accept is tried again that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a server serves.
pub(crate) trait Site: Send + Sync + 'static {
    fn limits(&self) -> &Limits;

    fn metrics(&self) -> &HttpMetrics;

    /// # Errors
    /// [`Cut`] where the client gets no answer.
    fn answer(
        self: Arc<Self>,
        tracker: TaskTracker,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Reply, Cut>> + Send;
}

/// The connection is cut without an answer: what an acquirer does that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Cut;

impl Site for Api {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }

    async fn answer(
        self: Arc<Self>,
        tracker: TaskTracker,
        request: Request<Incoming>,
    ) -> Result<Reply, Cut> {
        Ok(exchange::serve(self, tracker, request).await)
    }
}

/// A bound listener; nothing is served before [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
}

/// How the server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// Every accepted request was answered.
    Whole,
    /// The deadline passed with this many connections and handlers still busy.
    Abandoned(usize),
}

impl Server {
    /// Listens on `listen`; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address can't be resolved or bound.
    pub async fn bind(listen: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let local_addr = listener.local_addr()?;
        Ok(Self { listener, local_addr })
    }

    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown`, then accepts no more, lets every accepted request and every
    /// operation begun by one finish within the drain limit, and returns.
    pub async fn run(self, api: Arc<Api>, shutdown: impl Future<Output = ()>) -> Drained {
        self.serve(api, shutdown).await
    }

    /// As [`Server::run`], for an acquirer's routes.
    pub async fn run_acquirer(
        self,
        site: Arc<AcquirerSite>,
        shutdown: impl Future<Output = ()>,
    ) -> Drained {
        self.serve(site, shutdown).await
    }

    async fn serve<S: Site>(self, site: Arc<S>, shutdown: impl Future<Output = ()>) -> Drained {
        let drain = site.limits().drain;
        let serving = Serving::of(site);
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => serving.admit(stream),
                    Err(error) => pause_after(&error).await,
                },
            }
        }
        drop(self.listener);
        serving.drain(drain).await
    }
}

/// What every connection shares.
struct Serving<S> {
    site: Arc<S>,
    protocol: http1::Builder,
    room: Arc<Semaphore>,
    lingering: Arc<Semaphore>,
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl<S: Site> Serving<S> {
    fn of(site: Arc<S>) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(site.limits().header_read)
            .max_buf_size(MAX_HEAD_BYTES);
        Self {
            room: Arc::new(Semaphore::new(site.limits().connections)),
            lingering: Arc::new(Semaphore::new(MAX_LINGERING)),
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
            site,
            protocol,
        }
    }

    /// Serves a connection where there is room for it, else refuses it at once.
    fn admit(&self, stream: TcpStream) {
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            self.serve(stream, permit);
            return;
        }
        self.site.metrics().refused_connections.inc();
        if let Ok(permit) = Arc::clone(&self.lingering).try_acquire_owned() {
            let retry_after = self.site.limits().retry_after_seconds;
            self.tracker.spawn(linger::refuse(stream, retry_after, permit));
        }
    }

    fn serve(&self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // Answers are written whole, so waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY can't be set");
        }
        let (site, tracker) = (Arc::clone(&self.site), self.tracker.clone());
        let service = service_fn(move |request| Arc::clone(&site).answer(tracker.clone(), request));
        let io = TokioIo::new(Patience::new(stream, self.site.limits().write));
        let connection = self.protocol.serve_connection(io, service);
        let (metrics, stopping) = (self.site.metrics().clone(), self.stopping.clone());
        self.tracker.spawn(async move {
            metrics.connections.inc();
            let mut connection = pin!(connection);
            // The connection goes first: what it has received by now is accepted.
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            metrics.connections.dec();
            drop(permit);
        });
    }

    async fn drain(self, limit: Duration) -> Drained {
        self.stopping.cancel();
        self.tracker.close();
        if timeout(limit, self.tracker.wait()).await.is_ok() {
            return Drained::Whole;
        }
        let left = self.tracker.len();
        tracing::warn!(left, "the drain limit passed with requests still running");
        Drained::Abandoned(left)
    }
}

/// A client's own failure is over at once; a want of file descriptors may last.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    tracing::warn!(%error, "a connection can't be accepted");
    sleep(ACCEPT_PAUSE).await;
}
