//! Reading a request's body, within its bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use crate::error::ApiError;
use crate::headers::{check_content, expects_continue};
use crate::problem::{BODY_INCOMPLETE, BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED_JSON};

/// Of a single request: the longest texts that it may have, each of their characters escaped as a surrogate pair.
pub(crate) const MAX_BYTES: usize = 160 * 1024;
/// How much of a refused body is read and dropped, and for how long, so that a client that writes
/// all of it first still reads the answer.
const MAX_DISCARDED_BYTES: usize = 2 * 1024 * 1024;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(1);

/// Whether a route can do without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

/// What body a route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) presence: Presence,
    pub(crate) max_bytes: usize,
}

/// A JSON body, whole; empty only where it may be.
///
/// # Errors
/// 400, 408, 413 or 415. What is left of a body that is too large is dropped in the background.
pub(crate) async fn read(
    parts: &Parts,
    body: Incoming,
    accepted: Accepted,
    limit: Duration,
    tracker: &TaskTracker,
) -> Result<Bytes, ApiError> {
    let bytes = match read_bounded(body, accepted.max_bytes, Instant::now() + limit).await {
        Read::All(bytes) => bytes,
        Read::Refused(error) => return Err(error),
        Read::TooLarge(rest) => {
            discard(parts, rest, tracker);
            return Err(too_large(accepted.max_bytes));
        }
    };
    match accepted.presence {
        Presence::Optional if bytes.is_empty() => Ok(bytes),
        _ => {
            check_content(&parts.headers)?;
            if bytes.is_empty() {
                return Err(ApiError::new(MALFORMED_JSON, "the body is empty: send a JSON object"));
            }
            Ok(bytes)
        }
    }
}

/// Reads what the client still sends and drops it; at its bound hyper closes the connection.
pub(crate) fn discard(parts: &Parts, mut body: Incoming, tracker: &TaskTracker) {
    // A client that waits for leave reads the answer instead, and is not given leave.
    if body.is_end_stream() || expects_continue(&parts.headers) {
        return;
    }
    tracker.spawn(async move {
        let mut left = MAX_DISCARDED_BYTES;
        let deadline = Instant::now() + MAX_DISCARD_TIME;
        while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
            let len = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(len) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    });
}

enum Read {
    All(Bytes),
    Refused(ApiError),
    /// With what is not read yet.
    TooLarge(Incoming),
}

async fn read_bounded(mut body: Incoming, max_bytes: usize, deadline: Instant) -> Read {
    if body.size_hint().lower() > max_bytes as u64 {
        return Read::TooLarge(body);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while !body.is_end_stream() {
        let data = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Read::Refused(timed_out()),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Read::Refused(incomplete(error)),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        let len = first.len().saturating_add(whole.len()).saturating_add(data.len());
        if len > max_bytes {
            return Read::TooLarge(body);
        }
        // Most bodies come in one piece, which is then not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Read::All(if whole.is_empty() { first } else { whole.freeze() })
}

fn too_large(max_bytes: usize) -> ApiError {
    ApiError::new(BODY_TOO_LARGE, format!("the body is larger than {max_bytes} bytes"))
}

fn timed_out() -> ApiError {
    ApiError::new(BODY_TIMEOUT, "the body did not arrive in time: send it at once")
}

fn incomplete(error: hyper::Error) -> ApiError {
    tracing::debug!(%error, "a body could not be read");
    ApiError::new(BODY_INCOMPLETE, "the body ended early, or its chunks are malformed")
}
