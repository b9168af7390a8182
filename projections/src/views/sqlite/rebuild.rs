//! A view built anew in a file beside `views.db`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::durability::Durability;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::sqlite::{Database, connect_beside};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::{MIGRATIONS, SqliteViews, cursors, failed};
use crate::error::ViewError;
use crate::rebuild::{HeldView, RebuildStore};
use crate::views::{View, ViewStore};

/// The shadow of one view.
#[derive(Debug)]
pub struct SqliteRebuild {
    view: View,
    live: PathBuf,
    file: PathBuf,
    shadow: Arc<SqliteViews>,
    /// Of this rebuild alone, free when its process dies.
    _lock: File,
}

impl SqliteRebuild {
    /// Makes an empty shadow in `file`, which goes where it is there; the live views stand in `live`.
    ///
    /// # Errors
    /// When a file can't be used.
    pub async fn open(
        live: &Path,
        file: &Path,
        partitions: u16,
        view: View,
    ) -> Result<Self, ViewError> {
        let lock = lock(&file.with_extension("lock"))?;
        remove(file)?;
        let database = Database::open("views", file, Durability::Normal, MIGRATIONS).await?;
        {
            let mut writer = database.writer().await;
            cursors::create(&mut writer, partitions).await?;
        }
        let shadow = Arc::new(SqliteViews { database, only: Some(view) });
        Ok(Self { view, live: live.to_owned(), file: file.to_owned(), shadow, _lock: lock })
    }
}

fn lock(path: &Path) -> Result<File, ViewError> {
    let unavailable = |error: std::io::Error| StoreError::Unavailable {
        store: "views",
        cause: format!("{}: {error}", path.display()),
    };
    let file = File::create(path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message =
                "another view is being rebuilt in this data directory: wait for it to end";
            Err(StoreError::Refused(message.to_owned()).into())
        }
        Err(TryLockError::Error(error)) => Err(unavailable(error).into()),
    }
}

/// Takes a database's files away.
fn remove(file: &Path) -> Result<(), ViewError> {
    for suffix in ["", "-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{suffix}", file.display()));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let cause = format!("{}: {error}", path.display());
                return Err(StoreError::Unavailable { store: "views", cause }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

#[async_trait]
impl RebuildStore for SqliteRebuild {
    fn shadow(&self) -> Arc<dyn ViewStore> {
        self.shadow.clone()
    }

    async fn hold(&self) -> Result<Box<dyn HeldView>, ViewError> {
        let view = self.view;
        let mut connection = connect_beside(&self.live).await.map_err(failed(view))?;
        // The projector waits, as for any other writer.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.map_err(failed(view))?;
        let positions = cursors::positions(&mut connection, [view, view]).await?;
        let shadow = self.file.display().to_string();
        Ok(Box::new(Held { view, connection, positions, shadow: Some(shadow) }))
    }

    async fn discard(&self) -> Result<(), ViewError> {
        self.shadow.close().await;
        remove(&self.file)
    }
}

/// Rows in partitions that the ledger does not have: the shadow has a cursor for each that it has.
const OUTSIDE: &str = "partition NOT IN (SELECT partition FROM shadow.view_cursor)";

/// Its transaction ends with its connection.
struct Held {
    view: View,
    connection: SqliteConnection,
    positions: Vec<(Partition, u64)>,
    /// The shadow's file, until it is attached.
    shadow: Option<String>,
}

impl Held {
    /// As late as possible: from its first read on, what is written to the shadow is not seen here.
    async fn attach(&mut self) -> Result<(), ViewError> {
        let Some(file) = self.shadow.take() else { return Ok(()) };
        let attach = sqlx::query("ATTACH ? AS shadow").bind(file);
        attach.execute(&mut self.connection).await.map_err(failed(self.view))?;
        // The shadow may have read a text before it was erased.
        self.execute(
            "DELETE FROM shadow.payment_text WHERE EXISTS (
                 SELECT 1 FROM main.erased_text AS erased
                 WHERE erased.partition = payment_text.partition
                     AND erased.payment_id = payment_text.payment_id
                     AND (payment_text.name = erased.name
                         OR payment_text.name LIKE erased.name || '.%'))"
                .to_owned(),
        )
        .await?;
        Ok(())
    }

    async fn execute(&mut self, sql: String) -> Result<u64, ViewError> {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut self.connection).await;
        done.map(|done| done.rows_affected()).map_err(failed(self.view))
    }

    async fn count(&mut self, sql: String) -> Result<i64, ViewError> {
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await;
        row.and_then(|row| row.try_get(0)).map_err(failed(self.view))
    }
}

#[async_trait]
impl HeldView for Held {
    fn positions(&self) -> &[(Partition, u64)] {
        &self.positions
    }

    async fn differences(&mut self) -> Result<u64, ViewError> {
        self.attach().await?;
        let mut count = 0_i64;
        for table in self.view.tables() {
            let sql = format!("SELECT count(*) FROM main.{table} WHERE {OUTSIDE}");
            count = count.saturating_add(self.count(sql).await?);
            for (partition, _) in self.positions.clone() {
                for (one, other) in [("main", "shadow"), ("shadow", "main")] {
                    let sql = format!(
                        "SELECT count(*) FROM (
                             SELECT * FROM {one}.{table} WHERE partition = {partition}
                             EXCEPT SELECT * FROM {other}.{table} WHERE partition = {partition})"
                    );
                    count = count.saturating_add(self.count(sql).await?);
                }
            }
        }
        Ok(count.unsigned_abs())
    }

    async fn replace(mut self: Box<Self>) -> Result<u64, ViewError> {
        self.attach().await?;
        let name = self.view.as_str();
        let mut rows = 0_u64;
        for table in self.view.tables() {
            self.execute(format!("DELETE FROM main.{table}")).await?;
            let insert = format!("INSERT INTO main.{table} SELECT * FROM shadow.{table}");
            rows = rows.saturating_add(self.execute(insert).await?);
        }
        self.execute(format!("DELETE FROM main.parked WHERE view = '{name}'")).await?;
        self.execute(format!(
            "INSERT INTO main.parked SELECT * FROM shadow.parked WHERE view = '{name}'"
        ))
        .await?;
        // Where reading of the topic goes on stays as it is: what comes again is passed over.
        self.execute(format!(
            "UPDATE main.view_cursor SET position = s.position, event_id = s.event_id
             FROM shadow.view_cursor s
             WHERE view_cursor.view = '{name}' AND s.view = '{name}'
                 AND s.partition = view_cursor.partition"
        ))
        .await?;
        self.execute("COMMIT".to_owned()).await?;
        Ok(rows)
    }
}
