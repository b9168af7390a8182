//! The connections to one acquirer: so many places, and in each at most one connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::HttpSettings;
use super::connection::{Broken, Connection, Reply};
use super::endpoint::Endpoint;
use super::trust::Trust;

/// One that was not used for so long may be about to be closed by the other side.
const IDLE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Pool {
    endpoint: Endpoint,
    trust: Option<Trust>,
    connect_limit: Duration,
    /// The bulkhead: requests on their way at a time.
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(settings: &HttpSettings, places: usize) -> Self {
        Self {
            endpoint: settings.endpoint.clone(),
            trust: settings.trust.clone(),
            connect_limit: settings.connect_limit,
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
        }
    }

    /// Whether another request would have to wait for a place.
    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Sends a request when there is a place for it, and reads the answer.
    pub(super) async fn send(
        &self,
        request: &Request<Full<Bytes>>,
        send_before: Instant,
        deadline: Instant,
    ) -> Result<Reply, Broken> {
        let Ok(Ok(_place)) = timeout_at(send_before.min(deadline), self.places.acquire()).await
        else {
            return Err(Broken::unsent("NO_PLACE"));
        };
        // One that the other side closed while it was idle costs another attempt, never an answer.
        while let Some(mut connection) = self.take_idle().await {
            match connection.exchange(request.clone(), send_before, deadline).await {
                Err(broken) if !broken.is_sent && Instant::now() < send_before.min(deadline) => {}
                Err(broken) => return Err(broken),
                Ok(reply) => {
                    self.idle().push(connection);
                    return Ok(reply);
                }
            }
        }
        let limit = self.connect_limit.min(deadline.saturating_duration_since(Instant::now()));
        let mut connection = Connection::open(&self.endpoint, self.trust.as_ref(), limit).await?;
        let reply = connection.exchange(request.clone(), send_before, deadline).await?;
        self.idle().push(connection);
        Ok(reply)
    }

    async fn take_idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            if connection.idle() < IDLE_MAX && connection.is_open().await {
                return Some(connection);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
