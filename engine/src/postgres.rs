//! Postgres (15 and later) as the stores use it: pools with time limits, the settings that durability
//! rests on read back, and errors told apart by what they say of a commit.

mod line;
mod migrate;
#[cfg(any(test, feature = "testing"))]
pub mod scratch;
mod transaction;
pub mod values;

pub use migrate::Migrator;
pub use transaction::Transaction;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Row};

use self::line::Line;
use crate::durability::Durability;
use crate::ledger::StoreError;
use crate::migration::Migration;

/// Where a database is: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with TLS as libpq has it
/// (`?sslmode=verify-full&sslrootcert=FILE`). Its `Display` leaves the password out.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let options = is_postgres.then(|| PgConnectOptions::from_str(text).ok()).flatten();
        options.filter(|options| options.get_database().is_some()).map(Self).ok_or_else(|| {
            "must be a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full"
                .to_owned()
        })
    }
}

impl DatabaseUrl {
    /// The same database, with these schemas (by commas, without spaces) before any other.
    #[must_use]
    pub fn with_search_path(&self, schemas: &str) -> Self {
        Self(self.0.clone().options([("search_path", schemas)]))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        let database = options.get_database().unwrap_or_default();
        let (user, host) = (options.get_username(), options.get_host());
        match options.get_socket() {
            Some(socket) => write!(f, "postgres://{user}@{}/{database}", socket.display()),
            None => write!(f, "postgres://{user}@{host}:{}/{database}", options.get_port()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a process uses a database.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    pub url: DatabaseUrl,
    /// The most connections of one pool; a process has a few pools.
    pub pool_max: u32,
    /// How long a free connection is waited for, and a new one is tried.
    pub connect_timeout: Duration,
    /// After so long the server ends a statement; an answer that has not come by then and a little
    /// is given up.
    pub statement_timeout: Duration,
    /// After so long the server ends a statement that waits for a lock.
    pub lock_timeout: Duration,
    /// After so long the server ends a session that stands still inside a transaction.
    pub idle_in_transaction_timeout: Duration,
}

/// The oldest server that the statements are written for, as `server_version_num` has it.
const OLDEST_SERVER: i32 = 150_000;
/// Beyond the server's own limit for a statement: a server that has not answered then never will.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// A database, and how sure its commits are.
#[derive(Clone, Debug)]
pub struct Database {
    store: &'static str,
    settings: PostgresSettings,
    options: PgConnectOptions,
    pool: PgPool,
    /// `None` where the URL names a socket.
    line: Option<Arc<Line>>,
}

impl Database {
    /// Connects, reads back the settings that durability rests on, and looks for the schema.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where a setting is unsafe, or the schema is missing or old;
    /// [`StoreError::Unavailable`] where the server can't be reached.
    pub async fn connect(
        store: &'static str,
        settings: &PostgresSettings,
        durability: Durability,
        needed: &[Migration],
    ) -> Result<Self, StoreError> {
        let options = session(settings, durability);
        let (options, line) = with_line(options, settings)?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.pool_max)
            .acquire_timeout(settings.connect_timeout)
            .connect_lazy_with(options.clone());
        let database = Self { store, settings: settings.clone(), options, pool, line };
        let mut connection = database.connection().await?;
        check_settings(&database, &mut connection, durability).await?;
        migrate::check_schema(&database, &mut connection, needed).await?;
        Ok(database)
    }

    /// Connections that are tested before they are used, so that a restarted server costs no error.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of its own, for who writes without pause.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connection(&self) -> Result<PgConnection, StoreError> {
        let connected = connect(&self.settings, &self.options).await;
        connected.map_err(|error| self.unavailable(&error))
    }

    /// How long the answer to a statement is waited for.
    #[must_use]
    pub const fn answer_limit(&self) -> Duration {
        self.settings.statement_timeout.saturating_add(ANSWER_MARGIN)
    }

    /// The error of a statement that wrote nothing, or only read.
    #[must_use]
    pub fn unavailable(&self, error: &sqlx::Error) -> StoreError {
        let store = self.store;
        match error {
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
                StoreError::Damaged { store, cause: error.to_string() }
            }
            _ if is_forbidden(error) => StoreError::Refused(format!(
                "{}: {error}: run deploy/postgres/server_role.sql as the owner of the tables, and \
                 make {} a member of daybook_server",
                self.settings.url,
                self.settings.url.0.get_username()
            )),
            _ => {
                let trouble = self.line.as_ref().and_then(|line| line.trouble());
                let cause = trouble.unwrap_or_else(|| error.to_string());
                StoreError::Unavailable { store, cause: format!("{}: {cause}", self.settings.url) }
            }
        }
    }

    /// The error of a COMMIT, or of a statement that commits by itself: only where the server has
    /// said that it undid everything is it certain that nothing was written.
    #[must_use]
    pub fn commit_failed(&self, error: &sqlx::Error) -> StoreError {
        if is_rolled_back(error) { self.unavailable(error) } else { self.answer_lost(error) }
    }

    /// The error of a COMMIT of which nobody knows what became.
    #[must_use]
    pub fn answer_lost(&self, cause: &dyn fmt::Display) -> StoreError {
        StoreError::AnswerLost { store: self.store, cause: cause.to_string() }
    }

    /// Ends the pool. The last call of all.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Over TCP the driver is led to the near end of a [`Line`]; what the URL asks of TLS stays.
fn with_line(
    options: PgConnectOptions,
    settings: &PostgresSettings,
) -> Result<(PgConnectOptions, Option<Arc<Line>>), StoreError> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Ok((options, None));
    }
    let line = Line::open(options.get_host(), options.get_port(), settings.connect_timeout);
    let line = line.map_err(|error| {
        let folder = std::env::temp_dir();
        StoreError::Refused(format!(
            "no socket can be made in {}: {error}: set TMPDIR to a folder with a short name that \
             this user may write to",
            folder.display()
        ))
    })?;
    Ok((options.socket(line.folder()), Some(Arc::new(line))))
}

/// A session of its own, or the error where none comes in time.
async fn connect(
    settings: &PostgresSettings,
    options: &PgConnectOptions,
) -> sqlx::Result<PgConnection> {
    let connecting = tokio::time::timeout(settings.connect_timeout, options.connect());
    connecting.await.unwrap_or_else(|_| {
        let kind = std::io::ErrorKind::TimedOut;
        Err(sqlx::Error::Io(std::io::Error::new(kind, "no connection in time")))
    })
}

/// What every session of this process is told.
fn session(settings: &PostgresSettings, durability: Durability) -> PgConnectOptions {
    let millis = |limit: Duration| limit.as_millis().to_string();
    let options = settings.url.0.clone().application_name("daybook").options([
        ("statement_timeout", millis(settings.statement_timeout)),
        ("lock_timeout", millis(settings.lock_timeout)),
        ("idle_in_transaction_session_timeout", millis(settings.idle_in_transaction_timeout)),
        // The statements lock first and read then: a snapshot for the whole transaction would be
        // older than the lock.
        ("default_transaction_isolation", "read committed".to_owned()),
        ("client_min_messages", "warning".to_owned()),
        // The statements are written for their indexes: a plan that was made while a table was small
        // must not scan it when it has grown. Compiling would cost more than any of them.
        ("enable_seqscan", "off".to_owned()),
        ("jit", "off".to_owned()),
    ]);
    let options = match durability {
        Durability::Full => options,
        Durability::Normal => options.options([("synchronous_commit", "off")]),
    };
    options.disable_statement_logging()
}

/// Whether the server has answered that the transaction was undone.
fn is_rolled_back(error: &sqlx::Error) -> bool {
    // A server that is being stopped may say so after it has committed (class 57P).
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| !code.starts_with("57P") && !code.starts_with("08"))
}

/// Whether a unique key or a trigger of the schema refused a row (SQLSTATE class 23).
#[must_use]
pub fn is_constraint(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code.starts_with("23"))
}

/// Whether the role lacks a privilege.
pub(crate) fn is_forbidden(error: &sqlx::Error) -> bool {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(INSUFFICIENT_PRIVILEGE)
}

async fn check_settings(
    database: &Database,
    connection: &mut PgConnection,
    durability: Durability,
) -> Result<(), StoreError> {
    let found = sqlx::query(
        "SELECT current_setting('server_version_num')::int4, current_setting('fsync'),
             current_setting('full_page_writes'), current_setting('synchronous_commit')",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| database.unavailable(&error))?;
    let unreadable = |error: sqlx::Error| database.unavailable(&error);
    let version: i32 = found.try_get(0).map_err(unreadable)?;
    if version < OLDEST_SERVER {
        return Err(StoreError::Refused(format!(
            "{} runs Postgres {}, and 15 or later is needed: upgrade it",
            database.settings.url,
            version / 10_000
        )));
    }
    let safe: [(&str, &[&str]); 3] = [
        ("fsync", &["on"]),
        ("full_page_writes", &["on"]),
        ("synchronous_commit", &["on", "remote_apply"]),
    ];
    for (at, (setting, safe)) in (1_usize..).zip(safe) {
        let value: &str = found.try_get(at).map_err(unreadable)?;
        let is_own = setting == "synchronous_commit" && durability == Durability::Normal;
        if !is_own && !safe.contains(&value) {
            return Err(StoreError::Refused(format!(
                "{} has {setting} = {value}, and an answer must be on disk: set {setting} = on \
                 for the server, the database and the role",
                database.settings.url
            )));
        }
    }
    Ok(())
}
