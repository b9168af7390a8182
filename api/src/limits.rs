//! The server's settings: everything that waits has a bound.

use std::time::Duration;

/// Bounds and waits; the defaults suit one process on a small machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once; one more is answered 503 and closed.
    pub connections: usize,
    /// How long a request's head may take, and how long an idle connection is kept.
    pub header_read: Duration,
    /// How long a request's body may take.
    pub body_read: Duration,
    /// How long a client may leave an answer unread.
    pub write: Duration,
    /// How long accepted requests get to finish once the server stops.
    pub drain: Duration,
    /// How long an answer waits for its outcome where the client says nothing.
    pub default_wait: Duration,
    /// The longest `Prefer: wait`.
    pub max_wait: Duration,
    /// What `Retry-After` says where the process is at a bound or can't reach a database.
    pub retry_after_seconds: u32,
    /// How long one readiness probe may take.
    pub probe: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            header_read: Duration::from_secs(30),
            body_read: Duration::from_secs(10),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            default_wait: Duration::from_secs(2),
            max_wait: Duration::from_secs(30),
            retry_after_seconds: 1,
            probe: Duration::from_secs(2),
        }
    }
}
