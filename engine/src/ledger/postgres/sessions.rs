//! The connections that a process appends on: kept while all goes well, and dropped after anything
//! else, because nobody knows then where they stand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::super::StoreError;
use super::STORE;
use crate::postgres::Database;

/// As many as there are batches under way: one commits while the next is made up and sent.
pub(super) const SESSIONS: usize = 2;
/// A connection that stood still for longer is tried before it is used: a server that was restarted
/// in between costs no append.
const TRIED_AFTER: Duration = Duration::from_secs(1);
const TRIAL_LIMIT: Duration = Duration::from_secs(2);
/// For how long at most a failed attempt to connect answers for those that come after it.
const FAILURE_STANDS_MAX: Duration = Duration::from_secs(1);

/// Places for open connections.
#[derive(Debug)]
pub(super) struct Sessions {
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
    /// Held by who connects.
    failure: tokio::sync::Mutex<Option<(StoreError, Instant)>>,
}

/// A connection, taken out; unless it is kept it is dropped, wherever its user was left.
#[derive(Debug)]
pub(super) struct Taken {
    connection: PgConnection,
    _place: OwnedSemaphorePermit,
}

impl Default for Sessions {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(SESSIONS));
        Self { places, idle: Mutex::default(), failure: tokio::sync::Mutex::default() }
    }
}

impl Sessions {
    /// Waits for a place, and connects where no connection is open.
    pub(super) async fn take(&self, database: &Database) -> Result<Taken, StoreError> {
        let closed = || StoreError::Unavailable { store: STORE, cause: "it was closed".to_owned() };
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        if database.pool().is_closed() {
            return Err(closed());
        }
        let idle = self.idle().pop();
        let connection = match idle {
            Some((connection, since)) => tried(connection, since).await,
            None => None,
        };
        let connection = match connection {
            Some(connection) => connection,
            None => self.connect(database).await?,
        };
        Ok(Taken { connection, _place: place })
    }

    /// Gives one back: its last statement was answered, and no transaction is open.
    pub(super) fn keep(&self, taken: Taken) {
        self.idle().push((taken.connection, Instant::now()));
    }

    /// Ends the connections, as soon as nobody uses one.
    pub(super) async fn close(&self) {
        // What is asked later fails; the error of a closed semaphore changes nothing about that.
        let _all = self.places.acquire_many(SESSIONS as u32).await;
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(store = STORE, %error, "a connection was gone before it was closed");
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever queued behind an attempt that took long is answered by it, instead of waiting as long
    /// each in its turn.
    async fn connect(&self, database: &Database) -> Result<PgConnection, StoreError> {
        let mut failure = self.failure.lock().await;
        if let Some((error, until)) = &*failure
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let began = Instant::now();
        let connected = database.connection().await;
        *failure = connected.as_ref().err().map(|error| {
            let stands = began.elapsed().min(FAILURE_STANDS_MAX);
            (error.clone(), Instant::now() + stands)
        });
        connected
    }
}

impl Taken {
    pub(super) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// The connection, where it is still one.
async fn tried(mut connection: PgConnection, since: Instant) -> Option<PgConnection> {
    if since.elapsed() < TRIED_AFTER {
        return Some(connection);
    }
    let is_alive = matches!(timeout(TRIAL_LIMIT, connection.ping()).await, Ok(Ok(())));
    is_alive.then_some(connection)
}
