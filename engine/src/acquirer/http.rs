//! The acquirer over HTTP/1.1, with TLS or without: a pool of connections with a bound, time limits for everything, and a
//! breaker. `docs/acquirer-wire.md` says what is sent.
//!
//! Whether a call was sent is proved, not guessed: the first byte of a request passes a gate that
//! remembers it (see `gate`). Where no byte passed, the answer is "not sent"; after that it is
//! "unknown", whatever happens.

mod connection;
mod endpoint;
mod gate;
mod health;
mod notices;
mod pool;
mod stream;
mod trust;

pub use endpoint::Endpoint;
pub use trust::Trust;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use self::connection::{Broken, Reply};
use self::notices::NoticeReader;
use self::pool::Pool;
use super::breaker::{Breaker, BreakerSettings, CallEpoch};
use super::wire::{self, AnswerBody, OperationBody};
use super::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer, Notice};
use crate::ids::OperationId;

/// How the acquirer is reached.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub endpoint: Endpoint,
    /// Whom it trusts, where the endpoint has TLS.
    pub trust: Option<Trust>,
    /// How long a connection may take to be made.
    pub connect_limit: Duration,
    /// How long one call or inquiry may take, from the wait for a connection to the answer's end.
    pub call_limit: Duration,
    /// Calls and inquiries on their way at a time; one more finds no place.
    pub places: usize,
    pub breaker: BreakerSettings,
}

/// The adapter.
pub struct HttpAcquirer {
    line: Arc<Line>,
    notices: NoticeReader,
    _health: AbortOnDropHandle<()>,
}

/// What calls, inquiries and the health probe share.
struct Line {
    settings: HttpSettings,
    pool: Pool,
    /// One place, for the long wait for notices.
    notice_pool: Pool,
    breaker: Mutex<Breaker>,
    /// Told when the breaker opens.
    opened: Notify,
    openings: Counter,
    is_open: Gauge,
}

/// Why there is no readable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// No byte of the request was written, nor will be.
    NotSent(&'static str),
    Lost(&'static str),
}

impl HttpAcquirer {
    /// Connects to nothing yet.
    #[must_use]
    pub fn start(settings: HttpSettings) -> Self {
        let line = Arc::new(Line {
            pool: Pool::new(&settings, settings.places),
            notice_pool: Pool::new(&settings, 1),
            breaker: Mutex::new(Breaker::new(settings.breaker)),
            opened: Notify::new(),
            openings: Counter::default(),
            is_open: Gauge::default(),
            settings,
        });
        let health = AbortOnDropHandle::new(tokio::spawn(health::watch(line.clone())));
        Self { line, notices: NoticeReader::default(), _health: health }
    }

    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("acquirer");
        registry.register(
            "breaker_openings",
            "How often the acquirer's breaker opened",
            self.line.openings.clone(),
        );
        registry.register(
            "breaker_open",
            "1 while the acquirer's breaker is not closed",
            self.line.is_open.clone(),
        );
    }
}

#[async_trait]
impl Acquirer for HttpAcquirer {
    fn unavailable_for(&self) -> Option<Duration> {
        self.line.unavailable_for()
    }

    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let path = operation_path(request.operation_id);
        let body = serde_json::to_vec(&OperationBody::of(request)).unwrap_or_default();
        let asked = self.line.settings.endpoint.request(Method::POST, &path, body.into());
        match self.line.ask::<AnswerBody>(&asked, send_before, true).await {
            Ok(answer) => match answer.outcome() {
                Some(outcome) => CallAnswer::Concluded(outcome),
                // Still at work, or an answer that no call has: an inquiry will tell.
                None => CallAnswer::Unknown { cause: "NO_OUTCOME".into() },
            },
            Err(Failure::NotSent(cause)) => CallAnswer::NotSent { cause: cause.into() },
            Err(Failure::Lost(cause)) => CallAnswer::Unknown { cause: cause.into() },
        }
    }

    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer {
        let path = operation_path(request.operation_id);
        let asked = self.line.settings.endpoint.request(Method::GET, &path, Bytes::new());
        let send_before = Instant::now() + self.line.settings.call_limit;
        match self.line.ask::<AnswerBody>(&asked, send_before, false).await {
            Ok(answer) => answer.inquiry(),
            Err(Failure::NotSent(cause) | Failure::Lost(cause)) => {
                InquiryAnswer::Unknown { cause: cause.into() }
            }
        }
    }

    async fn notice(&self) -> Notice {
        self.notices.next(&self.line).await
    }
}

impl Line {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable_for(&self) -> Option<Duration> {
        let wait = self.breaker().refuses(Instant::now());
        wait.or_else(|| self.pool.is_full().then_some(Duration::ZERO))
    }

    /// Asks through the breaker and counts what came of it. A call has one meaning of success, an
    /// answer that can be read; "not found" is one too.
    async fn ask<T: DeserializeOwned>(
        &self,
        asked: &Request<Full<Bytes>>,
        send_before: Instant,
        is_call: bool,
    ) -> Result<T, Failure> {
        let Some(counted) = self.begin() else { return Err(Failure::NotSent("BREAKER_OPEN")) };
        let deadline = Instant::now() + self.settings.call_limit;
        let reply = self.pool.send(asked, send_before, deadline).await;
        let answer = reply.map_err(Failure::from).and_then(|reply| read(&reply, is_call));
        let is_own_fault = matches!(answer, Err(Failure::NotSent("NO_PLACE" | "SEND_WINDOW_OVER")));
        if !is_own_fault {
            counted.end(answer.is_err());
        }
        answer
    }

    /// `None` where the breaker is open.
    fn begin(&self) -> Option<Counted<'_>> {
        let mut breaker = self.breaker();
        let is_closed = breaker.wait(Instant::now()).is_none();
        is_closed.then(|| Counted { line: self, began: Some(breaker.call_began()) })
    }
}

/// A call that the breaker counts; one that is dropped before its end says nothing.
struct Counted<'l> {
    line: &'l Line,
    began: Option<CallEpoch>,
}

impl Counted<'_> {
    fn end(mut self, is_failure: bool) {
        let Some(began) = self.began.take() else { return };
        let line = self.line;
        if line.breaker().call_ended(began, is_failure, Instant::now()) {
            tracing::warn!(acquirer = %line.settings.endpoint, "the breaker opens");
            line.openings.inc();
            line.is_open.set(1);
            line.opened.notify_one();
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(began) = self.began {
            self.line.breaker().call_given_up(began);
        }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        if broken.is_sent { Self::Lost(broken.cause) } else { Self::NotSent(broken.cause) }
    }
}

/// A call is answered 200; an inquiry also 404, where the acquirer itself says so in the body.
fn read<T: DeserializeOwned>(reply: &Reply, is_call: bool) -> Result<T, Failure> {
    let is_read = reply.status == 200 || (reply.status == 404 && !is_call);
    if !is_read {
        return Err(Failure::Lost("REFUSED"));
    }
    serde_json::from_slice(&reply.body).map_err(|_| Failure::Lost("UNREADABLE_ANSWER"))
}

fn operation_path(id: OperationId) -> String {
    format!("{}{id}", wire::OPERATIONS)
}

impl Endpoint {
    /// A request of this acquirer.
    fn request(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.prefix()).parse().unwrap_or_default();
        let json = HeaderValue::from_static(wire::JSON);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        if let Ok(host) = HeaderValue::from_str(&self.authority()) {
            headers.insert(HOST, host);
        }
        request
    }
}

impl fmt::Debug for HttpAcquirer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAcquirer").field("endpoint", &self.line.settings.endpoint).finish()
    }
}
