//! Applying migrations, and seeing that they were applied.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};

use super::{Database, PostgresSettings, is_forbidden, session};
use crate::durability::Durability;
use crate::ledger::{READER_VERSION, StoreError};
use crate::migration::Migration;

/// One `daybook migrate` a database at a time.
const LOCK_KEY: i64 = 0x6461_7962_6f6f_6b01;

/// A session that may change the schema, alone among its kind.
#[derive(Debug)]
pub struct Migrator {
    connection: PgConnection,
    url: String,
}

impl Migrator {
    /// Connects and waits for any other migrator to end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, StoreError> {
        use sqlx::ConnectOptions;
        let url = settings.url.to_string();
        let options = session(settings, Durability::Full);
        let connecting = tokio::time::timeout(settings.connect_timeout, options.connect());
        let connection = match connecting.await {
            Ok(connected) => connected.map_err(|error| failed(&url, &error))?,
            Err(_) => {
                let cause = format!("no connection to {url} in time");
                return Err(StoreError::Unavailable { store: "schema", cause });
            }
        };
        let mut migrator = Self { connection, url };
        migrator
            .execute(
                "SET statement_timeout = 0;
                 CREATE TABLE IF NOT EXISTS migration (
                     number integer PRIMARY KEY,
                     name text NOT NULL,
                     lowest_reader_version integer NOT NULL,
                     applied_at timestamptz NOT NULL DEFAULT now()
                 )",
                Some(LOCK_KEY),
            )
            .await?;
        Ok(migrator)
    }

    /// Applies those of these that are missing, each in a transaction of its own; what it applied.
    ///
    /// # Errors
    /// When one fails; those before it stay applied.
    pub async fn apply(&mut self, migrations: &[Migration]) -> Result<Vec<Migration>, StoreError> {
        let url = self.url.clone();
        let failed = |error: sqlx::Error| failed(&url, &error);
        let applied: Vec<i32> = sqlx::query_scalar("SELECT number FROM migration")
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed)?;
        let is_missing = |migration: &&Migration| {
            !applied.iter().any(|number| i64::from(*number) == i64::from(migration.number))
        };
        let missing: Vec<Migration> = migrations.iter().filter(is_missing).copied().collect();
        for migration in &missing {
            let mut tx = self.connection.begin().await.map_err(failed)?;
            tx.execute(sqlx::raw_sql(migration.sql)).await.map_err(failed)?;
            sqlx::query(
                "INSERT INTO migration (number, name, lowest_reader_version) VALUES ($1, $2, $3)",
            )
            .bind(i32::try_from(migration.number).unwrap_or(i32::MAX))
            .bind(migration.name)
            .bind(i32::try_from(READER_VERSION).unwrap_or(i32::MAX))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            tx.commit().await.map_err(failed)?;
        }
        Ok(missing)
    }

    /// The session itself, for the rows that belong to a new schema.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// The error of a statement on it.
    #[must_use]
    pub fn failed(&self, error: &sqlx::Error) -> StoreError {
        failed(&self.url, error)
    }

    async fn execute(&mut self, sql: &'static str, lock: Option<i64>) -> Result<(), StoreError> {
        if let Some(key) = lock {
            sqlx::query("SELECT pg_advisory_lock($1)")
                .bind(key)
                .execute(&mut self.connection)
                .await
                .map_err(|error| failed(&self.url, &error))?;
        }
        let done = self.connection.execute(sqlx::raw_sql(sql)).await;
        done.map(|_| ()).map_err(|error| failed(&self.url, &error))
    }
}

fn failed(url: &str, error: &sqlx::Error) -> StoreError {
    if is_forbidden(error) {
        return StoreError::Refused(format!(
            "{url}: {error}: run `daybook migrate` as the owner of the database"
        ));
    }
    StoreError::Unavailable { store: "schema", cause: format!("{url}: {error}") }
}

/// Refuses a database whose schema is missing, old, or made for later builds alone.
pub(super) async fn check_schema(
    database: &Database,
    connection: &mut PgConnection,
    needed: &[Migration],
) -> Result<(), StoreError> {
    let url = &database.settings.url;
    let failed = |error: sqlx::Error| database.unavailable(&error);
    let has_any: bool = sqlx::query_scalar("SELECT to_regclass('migration') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !has_any {
        return Err(StoreError::Refused(format!(
            "{url} has no daybook schema: run `daybook migrate` as the owner of the database, or \
             start with --migrate"
        )));
    }
    let rows = sqlx::query("SELECT number, lowest_reader_version FROM migration")
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push(row.try_get::<i32, _>(0).map_err(failed)?);
        let lowest: i32 = row.try_get(1).map_err(failed)?;
        if i64::from(lowest) > i64::from(READER_VERSION) {
            return Err(StoreError::Refused(format!(
                "{url} needs a build that reads version {lowest}, and this one reads version \
                 {READER_VERSION}: upgrade daybook"
            )));
        }
    }
    let is_missing = |migration: &&Migration| {
        !applied.iter().any(|number| i64::from(*number) == i64::from(migration.number))
    };
    let missing: Vec<String> = needed.iter().filter(is_missing).map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{url} has an old daybook schema, without {}: run `daybook migrate` as the owner of the \
         database, or start with --migrate",
        missing.join(", ")
    )))
}
