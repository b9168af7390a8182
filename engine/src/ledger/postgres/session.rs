//! The connection that a process appends on: kept while all goes well, and dropped after anything
//! else, because nobody knows then where it stands.

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::super::StoreError;
use super::STORE;
use crate::postgres::Database;

/// A connection that stood still for longer is tried before it is used: a server that was restarted
/// in between costs no append.
const TRIED_AFTER: Duration = Duration::from_secs(1);
const TRIAL_LIMIT: Duration = Duration::from_secs(2);
/// For how long at most a failed attempt to connect answers for those that come after it.
const FAILURE_STANDS_MAX: Duration = Duration::from_secs(1);

/// A place for one open connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Option<(PgConnection, Instant)>,
    failure: Option<(StoreError, Instant)>,
}

/// The connection, taken out; unless it is kept it is dropped, wherever its user was left.
pub(super) struct Taken<'s> {
    state: MutexGuard<'s, State>,
    connection: PgConnection,
}

impl Session {
    /// Waits for those before, and connects where no connection is open.
    pub(super) async fn take(&self, database: &Database) -> Result<Taken<'_>, StoreError> {
        let mut state = self.state.lock().await;
        if database.pool().is_closed() {
            let cause = "it was closed".to_owned();
            return Err(StoreError::Unavailable { store: STORE, cause });
        }
        let connection = match state.idle.take() {
            Some((connection, since)) => tried(connection, since).await,
            None => None,
        };
        let connection = match connection {
            Some(connection) => connection,
            None => state.connect(database).await?,
        };
        Ok(Taken { state, connection })
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        if let Some((connection, _)) = self.state.lock().await.idle.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(store = STORE, %error, "a connection was gone before it was closed");
        }
    }
}

impl State {
    /// Whoever queued behind an attempt that took long is answered by it, instead of waiting as long
    /// each in its turn.
    async fn connect(&mut self, database: &Database) -> Result<PgConnection, StoreError> {
        if let Some((error, until)) = &self.failure
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let began = Instant::now();
        let connected = database.connection().await;
        self.failure = connected.as_ref().err().map(|error| {
            let stands = began.elapsed().min(FAILURE_STANDS_MAX);
            (error.clone(), Instant::now() + stands)
        });
        connected
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

impl Taken<'_> {
    pub(super) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives it back: its last statement was answered, and no transaction is open.
    pub(super) fn keep(mut self) {
        self.state.idle = Some((self.connection, Instant::now()));
    }
}
