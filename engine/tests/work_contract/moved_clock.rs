//! A database whose clock a test moves on. A schema that this test's sessions search before the
//! server's own has a `clock_timestamp()` too: the real one, and an offset from a table.

use std::time::Duration;

use daybook_engine::postgres::scratch::{self, ScratchDatabase};
use daybook_engine::postgres::{Migrator, PostgresSettings};
use daybook_engine::work::postgres::PostgresWork;
use sqlx::Executor;

/// Work rows and leases, and the clock that they go by.
pub(crate) struct MovedClock {
    pub(crate) database: ScratchDatabase,
}

const MOVED: &str = "
    CREATE SCHEMA moved;
    CREATE TABLE moved.clock (by interval NOT NULL);
    INSERT INTO moved.clock VALUES ('0');
    CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        'SELECT pg_catalog.clock_timestamp() + (SELECT by FROM moved.clock)';
    GRANT USAGE ON SCHEMA moved TO daybook_server;
    GRANT SELECT ON moved.clock TO daybook_server;";

impl MovedClock {
    /// With work rows and leases for so many partitions.
    pub(crate) async fn create(partitions: u16) -> Self {
        let database = ScratchDatabase::create().await;
        let mut migrator = Migrator::connect(&database.owner_settings()).await.unwrap();
        PostgresWork::migrate(&mut migrator, partitions).await.unwrap();
        database.grant().await;
        database.stranger().await.execute(sqlx::raw_sql(MOVED)).await.unwrap();
        Self { database }
    }

    /// For the role that serves, going by the moved clock.
    pub(crate) fn settings(&self) -> PostgresSettings {
        scratch::settings(&self.url())
    }

    pub(crate) fn url(&self) -> String {
        let server = self.database.server_url();
        format!("{server}&options=-c%20search_path%3Dmoved,pg_catalog,public")
    }

    pub(crate) async fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        sqlx::query("UPDATE moved.clock SET by = by + $1 * interval '1 microsecond'")
            .bind(micros)
            .execute(&mut self.database.stranger().await)
            .await
            .unwrap();
    }
}
