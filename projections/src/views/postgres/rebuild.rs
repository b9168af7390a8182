//! A view built anew in a schema beside the views.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::durability::Durability;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::postgres::values::smallint;
use daybook_engine::postgres::{Database, PostgresSettings};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::super::forgetting::ForgetViews;
use super::columns::PostgresColumns;
use super::{MIGRATIONS, PostgresViews, cursors, failed};
use crate::error::ViewError;
use crate::rebuild::{HeldView, RebuildStore};
use crate::views::{View, ViewStore, cursors as rows};

/// The schema with a namesake of each of the views' tables.
const SCHEMA: &str = "daybook_rebuild";
/// One rebuild of a database at a time: they share the shadow. Migrators and the ledger's turns have the
/// numbers before it.
const LOCK_KEY: i64 = 0x6461_7962_6f6f_6b03;
/// SQLSTATE of a lock that was waited for too long.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Rows in partitions that the ledger does not have: the shadow has a cursor for each that it has.
const OUTSIDE: &str = "partition NOT IN (SELECT partition FROM daybook_rebuild.view_cursor)";

/// The shadow of one view.
#[derive(Debug)]
pub struct PostgresRebuild {
    view: View,
    live: Database,
    shadow: Arc<PostgresViews>,
    partitions: Vec<Partition>,
    /// Holds the lock.
    _alone: PgConnection,
}

impl PostgresRebuild {
    /// Takes the shadow for itself, and empties it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where another rebuild runs; else when the database can't be used.
    pub async fn open(
        settings: &PostgresSettings,
        partitions: u16,
        view: View,
    ) -> Result<Self, ViewError> {
        let live = Database::connect("views", settings, Durability::Full, MIGRATIONS).await?;
        let mut alone = live.connection().await?;
        // The session of one that has just ended may take a moment to go.
        let locking = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK_KEY);
        live.in_time(locking.execute(&mut alone)).await.map_err(|error| {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            if code.as_deref() == Some(LOCK_NOT_AVAILABLE) {
                let message = "another view is being rebuilt in this database: wait for it to end";
                return StoreError::Refused(message.to_owned());
            }
            live.unavailable(&error)
        })?;
        let url = settings.url.with_search_path(&format!("{SCHEMA},public"));
        let settings = PostgresSettings { url, ..settings.clone() };
        let database =
            Database::connect("views", &settings, Durability::Normal, MIGRATIONS).await?;
        let mut connection = database.connection().await?;
        cursors::create(&mut connection, partitions).await?;
        let shadow = Arc::new(PostgresViews { database, only: Some(view) });
        let partitions: Vec<_> = Partition::all(partitions).collect();
        // What one that was killed has left.
        shadow.forget(&partitions).await?;
        Ok(Self { view, live, shadow, partitions, _alone: alone })
    }
}

#[async_trait]
impl RebuildStore for PostgresRebuild {
    fn shadow(&self) -> Arc<dyn ViewStore> {
        self.shadow.clone()
    }

    async fn hold(&self) -> Result<Box<dyn HeldView>, ViewError> {
        let view = self.view;
        let mut connection = self.live.connection().await?;
        let lock = cursors::lock(self.partitions.iter().copied());
        // The projector waits for the cursors' rows, as for any other writer.
        let begin = sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {lock}")));
        self.live.answered(begin.execute(&mut connection)).await?;
        let positions = sqlx::query(
            "SELECT partition, position FROM view_cursor WHERE view = $1 ORDER BY partition",
        );
        let positions = positions.bind(view.as_str()).fetch_all(&mut connection);
        let positions: Vec<PgRow> = self.live.answered(positions).await?;
        let positions = rows::positions(positions.iter().map(|row| PostgresColumns { row, view }))?;
        Ok(Box::new(Held { view, live: self.live.clone(), connection, positions }))
    }

    async fn discard(&self) -> Result<(), ViewError> {
        self.shadow.forget(&self.partitions).await?;
        self.shadow.close().await;
        Ok(())
    }
}

/// Its transaction ends with its connection.
struct Held {
    view: View,
    live: Database,
    connection: PgConnection,
    positions: Vec<(Partition, u64)>,
}

impl Held {
    async fn execute(&mut self, sql: String) -> Result<u64, ViewError> {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut self.connection);
        let done = self.live.in_time(done).await;
        done.map(|done| done.rows_affected()).map_err(failed(self.view))
    }

    async fn count(&mut self, sql: String) -> Result<i64, ViewError> {
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.connection);
        let row = self.live.in_time(row).await;
        row.and_then(|row| row.try_get(0)).map_err(failed(self.view))
    }
}

#[async_trait]
impl HeldView for Held {
    fn positions(&self) -> &[(Partition, u64)] {
        &self.positions
    }

    async fn differences(&mut self) -> Result<u64, ViewError> {
        // The shadow may have read a text before it was erased.
        self.execute(format!(
            "DELETE FROM {SCHEMA}.payment_text AS shadow USING public.erased_text AS erased
             WHERE shadow.partition = erased.partition AND shadow.payment_id = erased.payment_id
                 AND split_part(shadow.name, '.', 1) = erased.name"
        ))
        .await?;
        let mut count = 0_i64;
        for table in self.view.tables() {
            let sql = format!("SELECT count(*) FROM public.{table} WHERE {OUTSIDE}");
            count = count.saturating_add(self.count(sql).await?);
            for (partition, _) in self.positions.clone() {
                let partition = smallint(partition);
                let (live, shadow) = (format!("public.{table}"), format!("{SCHEMA}.{table}"));
                for (one, other) in [(&live, &shadow), (&shadow, &live)] {
                    let sql = format!(
                        "SELECT count(*) FROM (
                             SELECT * FROM {one} WHERE partition = {partition}
                             EXCEPT ALL SELECT * FROM {other} WHERE partition = {partition}) d"
                    );
                    count = count.saturating_add(self.count(sql).await?);
                }
            }
        }
        Ok(count.unsigned_abs())
    }

    async fn replace(mut self: Box<Self>) -> Result<u64, ViewError> {
        let name = self.view.as_str();
        let mut count = 0_u64;
        for table in self.view.tables() {
            self.execute(format!("DELETE FROM public.{table} WHERE {OUTSIDE}")).await?;
            // Partition by partition, so that no statement takes long.
            for partition in
                self.positions.clone().iter().map(|(partition, _)| smallint(*partition))
            {
                self.execute(format!("DELETE FROM public.{table} WHERE partition = {partition}"))
                    .await?;
                let insert = format!(
                    "INSERT INTO public.{table}
                     SELECT * FROM {SCHEMA}.{table} WHERE partition = {partition}"
                );
                count = count.saturating_add(self.execute(insert).await?);
            }
        }
        self.execute(format!("DELETE FROM public.parked WHERE view = '{name}'")).await?;
        self.execute(format!(
            "INSERT INTO public.parked SELECT * FROM {SCHEMA}.parked WHERE view = '{name}'"
        ))
        .await?;
        // Where reading of the topic goes on stays as it is: what comes again is passed over.
        self.execute(format!(
            "UPDATE public.view_cursor SET position = s.position, event_id = s.event_id
             FROM {SCHEMA}.view_cursor s
             WHERE view_cursor.view = '{name}' AND s.view = '{name}'
                 AND s.partition = view_cursor.partition"
        ))
        .await?;
        self.execute("COMMIT".to_owned()).await?;
        Ok(count)
    }
}
