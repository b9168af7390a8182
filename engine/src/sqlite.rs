//! SQLite as the stores use it: one writing connection, a few reading ones, WAL, and the settings
//! read back, because a setting that was not taken must not pass unnoticed.

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Row, Sqlite, Transaction};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::durability::Durability;
use crate::ledger::StoreError;
use crate::migration::Migration;

/// An open database file.
#[derive(Debug)]
pub struct Database {
    store: &'static str,
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
    checkpointer: AbortOnDropHandle<()>,
}

/// Between two passive checkpoints of the log.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);

/// Long enough for a command beside a running `serve` to wait for its writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts where SQLite does not wait by itself.
const BUSY_AGAIN: Duration = Duration::from_millis(10);
const READERS: u32 = 4;
/// A reader's page cache in KiB: it mostly reads each page once, and the operating system has them
/// all.
const READER_CACHE: &str = "-1024";
/// Rows that may wait between a connection's thread and the task that asked.
const ROW_BUFFER: usize = 4096;
/// Pages between checkpoints: large enough that a checkpoint is rare beside the commits.
const CHECKPOINT_PAGES: &str = "16000";

impl Database {
    /// Opens (and where needed creates and migrates) the file.
    ///
    /// # Errors
    /// When it can't be opened, was migrated by a later build, or does not take its settings.
    pub async fn open(
        store: &'static str,
        path: &Path,
        durability: Durability,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous(durability))
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .thread_name(move |number| format!("{store}-{number}"))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", writer_cache(durability))
            .pragma("recursive_triggers", "on")
            .pragma("temp_store", "memory")
            .row_buffer_size(ROW_BUFFER)
            .disable_statement_logging();
        let unavailable = |error: sqlx::Error| unavailable(store, &error);
        let mut writer = first_connection(&options).await.map_err(unavailable)?;
        check_settings(store, &mut writer, durability).await?;
        migrate(store, &mut writer, migrations).await?;
        let beside = SqliteConnection::connect_with(&options).await.map_err(unavailable)?;
        let checkpointer = AbortOnDropHandle::new(tokio::spawn(keep_checkpointed(store, beside)));
        let reading = options.create_if_missing(false).read_only(true);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(reading.pragma("cache_size", READER_CACHE))
            .await
            .map_err(unavailable)?;
        Ok(Self { store, writer: Mutex::new(writer), readers, checkpointer })
    }

    /// The writing connection. Every transaction on it begins with `BEGIN IMMEDIATE`.
    pub async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        self.writer.lock().await
    }

    #[must_use]
    pub const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction on the writing connection. It takes the write lock at once, and is
    /// rolled back before the connection's next statement where it is dropped, at any await.
    ///
    /// # Errors
    /// When another process keeps the lock for longer than the busy timeout.
    pub async fn begin<'w>(
        &self,
        writer: &'w mut SqliteConnection,
    ) -> Result<Transaction<'w, Sqlite>, StoreError> {
        writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.unavailable(&error))
    }

    /// The error of a statement that wrote nothing.
    #[must_use]
    pub fn unavailable(&self, error: &sqlx::Error) -> StoreError {
        unavailable(self.store, error)
    }

    /// The error of a COMMIT, which may have been written.
    #[must_use]
    pub fn answer_lost(&self, error: &sqlx::Error) -> StoreError {
        StoreError::AnswerLost { store: self.store, cause: error.to_string() }
    }

    /// Ends the transaction that a failed statement left open; `false` where none was.
    pub async fn roll_back(&self, writer: &mut SqliteConnection) -> bool {
        let ended = writer.execute("ROLLBACK").await;
        let cause = ended.as_ref().err().map(tracing::field::display);
        tracing::debug!(store = self.store, cause, "rolled back what was left open");
        ended.is_ok()
    }

    /// Writes what the log holds into the file and ends the readers. The last call of all.
    pub async fn close(&self) {
        self.checkpointer.abort();
        self.readers.close().await;
        let mut writer = self.writer.lock().await;
        if let Err(error) = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(store = self.store, %error, "the last checkpoint failed; the next start makes it");
        }
    }
}

/// Between two looks at a long answer.
const GATHERING: Duration = Duration::from_millis(1);

/// Awaits a long answer, with pauses in which its rows gather: a connection's thread wakes who waits for it at
/// every row, which costs more than most rows do.
pub async fn gathered<F: Future>(reading: F) -> F::Output {
    let mut reading = pin!(reading);
    loop {
        let looked = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = looked {
            return answer;
        }
        sleep(GATHERING).await;
    }
}

/// A connection of its own to a file that stands there, for who holds a transaction on it.
///
/// # Errors
/// When it can't be opened.
pub async fn connect_beside(path: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("recursive_triggers", "on")
        .disable_statement_logging();
    options.connect().await
}

/// Copies committed pages from the log into the file beside the commits, which would otherwise stop
/// for it: what is left for the commit that reaches the checkpoint's size is little.
async fn keep_checkpointed(store: &'static str, mut connection: SqliteConnection) {
    loop {
        sleep(CHECKPOINT_EVERY).await;
        if let Err(error) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").await {
            tracing::debug!(store, %error, "a checkpoint is left to the commits");
        }
    }
}

/// Connects, and waits for who creates the same file at this moment: SQLite does not call its busy
/// handler where the switch to WAL meets another's write lock, but fails at once.
async fn first_connection(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match SqliteConnection::connect_with(options).await {
            Err(error) if is_busy(&error) && Instant::now() < give_up => sleep(BUSY_AGAIN).await,
            ended => return ended,
        }
    }
}

/// Whether it is [`SQLITE_BUSY`](https://sqlite.org/rescode.html#busy), or one of its extensions.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xFF == 5)
}

const fn synchronous(durability: Durability) -> SqliteSynchronous {
    match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    }
}

/// The number that SQLite answers for it.
const fn answered(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "2",
        Durability::Normal => "1",
    }
}

/// The writer's page cache in KiB, for the index pages that commits hit at random.
const fn writer_cache(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "-8192",
        Durability::Normal => "-4096",
    }
}

fn unavailable(store: &'static str, error: &sqlx::Error) -> StoreError {
    StoreError::Unavailable { store, cause: error.to_string() }
}

async fn pragma(
    store: &'static str,
    writer: &mut SqliteConnection,
    statement: &'static str,
) -> Result<String, StoreError> {
    let row = sqlx::query(statement)
        .fetch_one(&mut *writer)
        .await
        .map_err(|error| unavailable(store, &error))?;
    let number = row.try_get::<i64, _>(0).map(|number| number.to_string());
    number.or_else(|_| row.try_get::<String, _>(0)).map_err(|error| unavailable(store, &error))
}

async fn check_settings(
    store: &'static str,
    writer: &mut SqliteConnection,
    durability: Durability,
) -> Result<(), StoreError> {
    for (statement, wanted) in [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA synchronous", answered(durability)),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA recursive_triggers", "1"),
    ] {
        let found = pragma(store, writer, statement).await?;
        if found != wanted {
            return Err(StoreError::Refused(format!(
                "the {store} database answers {found} to {statement}, and {wanted} is needed: \
                 put the data directory on a local file system that supports SQLite's WAL"
            )));
        }
    }
    Ok(())
}

/// Applies what is missing, in one transaction, so that of two processes one migrates and the other
/// finds it done.
async fn migrate(
    store: &'static str,
    writer: &mut SqliteConnection,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let unavailable = |error: sqlx::Error| unavailable(store, &error);
    let known = migrations.iter().map(|migration| migration.number).max();
    let applied = last_migration(writer).await.map_err(unavailable)?;
    if applied > known {
        return Err(StoreError::Refused(format!(
            "the {store} database was migrated by a later build of daybook (to {applied:?}; this \
             build knows {known:?}): use that build"
        )));
    }
    if applied == known {
        return Ok(());
    }
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let applied = last_migration(&mut tx).await.map_err(unavailable)?;
    for migration in migrations.iter().filter(|migration| Some(migration.number) > applied) {
        tx.execute(sqlx::raw_sql(migration.sql)).await.map_err(unavailable)?;
        sqlx::query("INSERT INTO migration (number, name) VALUES (?, ?)")
            .bind(migration.number)
            .bind(migration.name)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    tx.commit().await.map_err(unavailable)
}

async fn last_migration(connection: &mut SqliteConnection) -> Result<Option<u32>, sqlx::Error> {
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS migration (
                number INTEGER PRIMARY KEY,
                name TEXT NOT NULL
            ) STRICT",
        )
        .await?;
    sqlx::query_scalar("SELECT max(number) FROM migration").fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wakes who waits for it at once, as a row does that follows a row.
    #[tokio::test(start_paused = true)]
    async fn rows_that_follow_each_other_are_looked_at_once_a_pause() {
        let (mut looks, end) = (0_u32, Instant::now() + 10 * GATHERING);
        gathered(poll_fn(|context| {
            looks += 1;
            context.waker().wake_by_ref();
            if Instant::now() < end { Poll::Pending } else { Poll::Ready(()) }
        }))
        .await;
        assert!((2..=11).contains(&looks), "{looks} looks in ten pauses");
    }
}
