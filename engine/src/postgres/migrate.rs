//! Applying migrations, and seeing that they were applied.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};

use super::{Database, PostgresSettings, connect, is_forbidden, session};
use crate::durability::Durability;
use crate::ledger::{READER_VERSION, StoreError};
use crate::migration::Migration;

/// One `daybook migrate` a database at a time.
const LOCK_KEY: i64 = 0x6461_7962_6f6f_6b01;

/// What a migration's session begins with.
const BEGIN: &str = "
    SET statement_timeout = 0;
    CREATE TABLE IF NOT EXISTS migration (
        number integer PRIMARY KEY,
        name text NOT NULL,
        lowest_reader_version integer NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )";

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
        let url = settings.url.to_string();
        let options = session(settings, Durability::Full);
        let connected = connect(settings, &options).await;
        let mut connection = connected.map_err(|error| failed(&url, &error))?;
        let locking = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK_KEY);
        locking.execute(&mut connection).await.map_err(|error| failed(&url, &error))?;
        connection.execute(sqlx::raw_sql(BEGIN)).await.map_err(|error| failed(&url, &error))?;
        Ok(Self { connection, url })
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
        let missing = missing(migrations, &applied);
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
}

fn failed(url: &str, error: &sqlx::Error) -> StoreError {
    if is_forbidden(error) {
        return StoreError::Refused(format!(
            "{url}: {error}: run `daybook migrate` as the owner of the database"
        ));
    }
    StoreError::Unavailable { store: "schema", cause: format!("{url}: {error}") }
}

/// Those that are not among the applied numbers.
fn missing(migrations: &[Migration], applied: &[i32]) -> Vec<Migration> {
    let is_missing = |migration: &&Migration| {
        !applied.iter().any(|number| i64::from(*number) == i64::from(migration.number))
    };
    migrations.iter().filter(is_missing).copied().collect()
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
    let missing = missing(needed, &applied);
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{url} has an old daybook schema, without {}: run `daybook migrate` as the owner of the \
         database, or start with --migrate",
        missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )))
}
