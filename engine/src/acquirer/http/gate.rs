//! The gate before a connection's stream: it knows whether any byte of the present request was let
//! through, and lets none through once the request's time is over.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What the connection's owner knows of it. One request is on its way at a time, and whoever polls the
/// stream is who asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    has_passed: AtomicBool,
    send_before: Mutex<Option<Instant>>,
}

impl Gate {
    /// For the next request: nothing has passed, and from `send_before` on nothing begins to.
    pub(super) fn close_until_sent(&self, send_before: Instant) {
        *self.0.send_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(send_before);
        self.0.has_passed.store(false, Ordering::SeqCst);
    }

    /// Whether a byte of the request may have passed.
    pub(super) fn has_passed(&self) -> bool {
        self.0.has_passed.load(Ordering::SeqCst)
    }

    /// Lets bytes through, unless these would be the first and come too late.
    fn pass(&self) -> io::Result<()> {
        if self.has_passed() {
            return Ok(());
        }
        let send_before = *self.0.send_before.lock().unwrap_or_else(PoisonError::into_inner);
        if send_before.is_none_or(|send_before| Instant::now() >= send_before) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the send window is over"));
        }
        // Before the write, not after it: a write that fails may have taken some bytes.
        self.0.has_passed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A stream behind its gate.
#[derive(Debug)]
pub(super) struct Gated<S> {
    stream: S,
    gate: Gate,
}

impl<S> Gated<S> {
    pub(super) const fn new(stream: S, gate: Gate) -> Self {
        Self { stream, gate }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.pass()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gate_remembers_the_first_byte_and_stays_shut_when_it_is_too_late() {
        let (near, mut far) = tokio::io::duplex(64);
        let gate = Gate::default();
        let mut stream = Gated::new(near, gate.clone());
        assert!(stream.write_all(b"early").await.is_err(), "no request has begun");
        gate.close_until_sent(Instant::now() + Duration::from_secs(1));
        assert!(!gate.has_passed());
        stream.write_all(b"one").await.unwrap();
        assert!(gate.has_passed());
        tokio::time::advance(Duration::from_secs(1)).await;
        stream.write_all(b"two").await.unwrap();
        gate.close_until_sent(Instant::now());
        assert!(stream.write_all(b"late").await.is_err());
        assert!(!gate.has_passed());
        drop(stream);
        let mut read = String::new();
        far.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "onetwo");
    }
}
