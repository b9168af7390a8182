//! One connection: it carries one request at a time, and is polled by nobody but the call that uses it,
//! so that a call that is given up writes nothing more.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use super::endpoint::Endpoint;
use super::gate::{Gate, Gated};
use super::stream::Stream;
use super::trust::Trust;
use crate::acquirer::wire;

type Driver = http1::Connection<TokioIo<Gated<Stream>>, Full<Bytes>>;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Why none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) cause: &'static str,
    /// Whether a byte of the request may have left.
    pub(super) is_sent: bool,
}

impl Broken {
    pub(super) const fn unsent(cause: &'static str) -> Self {
        Self { cause, is_sent: false }
    }
}

pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
    gate: Gate,
    used_at: Instant,
}

impl Connection {
    /// Nothing of a request is written while it is made.
    pub(super) async fn open(
        endpoint: &Endpoint,
        trust: Option<&Trust>,
        limit: Duration,
    ) -> Result<Self, Broken> {
        let stream = match timeout(limit, Stream::connect(endpoint, trust)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::warn!(acquirer = %endpoint, %error, "no connection to the acquirer");
                return Err(Broken::unsent("NOT_CONNECTED"));
            }
            Err(_) => return Err(Broken::unsent("NOT_CONNECTED")),
        };
        let gate = Gate::default();
        let io = TokioIo::new(Gated::new(stream, gate.clone()));
        let made = http1::handshake(io).await;
        let (sender, driver) = made.map_err(|_| Broken::unsent("NOT_CONNECTED"))?;
        Ok(Self { sender, driver: Box::pin(driver), gate, used_at: Instant::now() })
    }

    /// How long it has not been used.
    pub(super) fn idle(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// Whether it can take a request, as far as can be seen from here without waiting.
    pub(super) async fn is_open(&mut self) -> bool {
        let driver = &mut self.driver;
        let has_ended = poll_fn(|cx| Poll::Ready(driver.as_mut().poll(cx).is_ready())).await;
        !has_ended && !self.sender.is_closed() && self.sender.is_ready()
    }

    /// Sends a request, unless its first byte would leave at or after `send_before`, and reads its
    /// whole answer up to `deadline`.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        send_before: Instant,
        deadline: Instant,
    ) -> Result<Reply, Broken> {
        self.gate.close_until_sent(send_before);
        let Self { sender, driver, gate, used_at } = self;
        let mut answering = pin!(answer(sender, request));
        let mut is_driven = true;
        let answered = loop {
            tokio::select! {
                biased;
                answered = &mut answering => break answered,
                // What it has read is in the answer's hands even when it ends.
                _ = driver.as_mut(), if is_driven => is_driven = false,
                () = tokio::time::sleep_until(deadline) => break Err("TIMEOUT"),
            }
        };
        *used_at = Instant::now();
        let is_sent = gate.has_passed();
        answered.map_err(|cause| {
            let is_late = !is_sent && Instant::now() >= send_before;
            Broken { cause: if is_late { "SEND_WINDOW_OVER" } else { cause }, is_sent }
        })
    }
}

async fn answer(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Reply, &'static str> {
    let response = sender.send_request(request).await.map_err(|_| "CONNECTION_CUT")?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), wire::BODY_MAX).collect().await;
    Ok(Reply { status, body: body.map_err(|_| "CONNECTION_CUT")?.to_bytes() })
}
