//! Where a test's ledger, work rows and views stand, and how they are tampered with there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daybook_engine::ids::{EventId, Partition};
use daybook_engine::postgres::scratch::ScratchDatabase;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::process::Command;

use crate::harness::binary;
use crate::kafka::Topic;

/// The stores that every case runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Embedded,
    Postgres,
    /// Postgres with a topic of Kafka, each role in a process of its own.
    Kafka,
}

/// One test's own ledger, with its work rows and views.
#[derive(Debug)]
pub(crate) enum Book {
    /// In this data directory.
    Embedded(PathBuf),
    Postgres(ScratchDatabase),
    Kafka(ScratchDatabase, Arc<Topic>),
    /// As the owner of the database, who may migrate.
    Owner(ScratchDatabase),
}

impl Book {
    /// A new one; on Postgres migrated by its owner, with what `flags` say of it.
    pub(crate) async fn create(store: Store, data_dir: &Path, flags: &[&str]) -> Self {
        match store {
            Store::Embedded => Self::Embedded(data_dir.to_owned()),
            Store::Postgres => {
                let database = ScratchDatabase::create().await;
                migrate(&database, flags).await;
                Self::Postgres(database)
            }
            Store::Kafka => {
                let database = ScratchDatabase::create().await;
                migrate(&database, flags).await;
                Self::Kafka(database, Arc::new(Topic::named().await))
            }
        }
    }

    /// The flags that lead a command to it.
    pub(crate) fn flags(&self) -> Vec<String> {
        match self {
            Self::Embedded(data_dir) => vec![format!("--data-dir={}", data_dir.display())],
            Self::Postgres(database) => vec![format!("--database-url={}", database.server_url())],
            Self::Kafka(database, topic) => {
                let mut flags = topic.flags();
                flags.push(format!("--database-url={}", database.server_url()));
                flags
            }
            Self::Owner(database) => vec![format!("--database-url={}", database.owner_url())],
        }
    }

    /// As [`Book::flags`], for the owner of the ledger.
    pub(crate) fn owner_flags(&self) -> Vec<String> {
        match self {
            Self::Embedded(_) => self.flags(),
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                vec![format!("--database-url={}", database.owner_url())]
            }
        }
    }

    /// The events of a partition by position, read past daybook.
    pub(crate) async fn event_ids(&self, partition: Partition) -> Vec<EventId> {
        let (Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database)) = self
        else {
            panic!("only on Postgres");
        };
        let mut stranger = database.stranger().await;
        let ids: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT event_id FROM event WHERE partition = $1 ORDER BY position")
                .bind(i16::try_from(partition.number()).unwrap())
                .fetch_all(&mut stranger)
                .await
                .unwrap();
        ids.into_iter().map(EventId::from_uuid).collect()
    }

    /// The roles that have a process of their own beside the API's.
    pub(crate) const fn roles_behind(&self) -> &'static [&'static str] {
        match self {
            Self::Kafka(..) => &["workers", "relay", "projections"],
            _ => &[],
        }
    }

    /// Changes events as nobody may: each statement must change something.
    pub(crate) async fn tamper_with_events(&self, statements: &[&str]) {
        const GUARD: &str = "DROP TRIGGER IF EXISTS event_is_never_updated";
        match self {
            Self::Embedded(data_dir) => {
                in_sqlite(&data_dir.join("ledger.db"), &[GUARD]).await;
                in_sqlite(&data_dir.join("ledger.db"), statements).await;
            }
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                in_postgres(database, &[&format!("{GUARD} ON event")]).await;
                in_postgres(database, statements).await;
            }
        }
    }

    /// Changes events, heads and seals as nobody may: each statement must change something.
    pub(crate) async fn tamper_with_ledger(&self, statements: &[&str]) {
        const SQLITE: &[&str] = &[
            "DROP TRIGGER IF EXISTS event_is_never_updated",
            "DROP TRIGGER IF EXISTS event_is_never_deleted",
            "DROP TRIGGER IF EXISTS event_text_is_only_erased",
            "DROP TRIGGER IF EXISTS seal_is_never_updated",
            "DROP TRIGGER IF EXISTS seal_is_never_deleted",
            "DROP TRIGGER IF EXISTS ledger_partition_only_grows",
        ];
        const POSTGRES: &[&str] = &[
            "ALTER TABLE event DISABLE TRIGGER USER",
            "ALTER TABLE event_text DISABLE TRIGGER USER",
            "ALTER TABLE seal DISABLE TRIGGER USER",
            "ALTER TABLE ledger_partition DISABLE TRIGGER USER",
        ];
        match self {
            Self::Embedded(data_dir) => {
                in_sqlite(&data_dir.join("ledger.db"), SQLITE).await;
                in_sqlite(&data_dir.join("ledger.db"), statements).await;
            }
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                in_postgres(database, POSTGRES).await;
                in_postgres(database, statements).await;
            }
        }
    }

    /// Changes rows of views: each statement must change something.
    pub(crate) async fn tamper_with_views(&self, statements: &[&str]) {
        match self {
            Self::Embedded(data_dir) => in_sqlite(&data_dir.join("views.db"), statements).await,
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                in_postgres(database, statements).await;
            }
        }
    }

    /// Changes rows of workers and relay: each statement must change something.
    pub(crate) async fn tamper_with_work(&self, statements: &[&str]) {
        match self {
            Self::Embedded(data_dir) => in_sqlite(&data_dir.join("work.db"), statements).await,
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                in_postgres(database, statements).await;
            }
        }
    }

    /// Loses what can be rebuilt; nothing may be running on it.
    pub(crate) async fn lose_views_and_work_rows(&self) {
        match self {
            Self::Embedded(data_dir) => {
                for file in ["views.db", "work.db"] {
                    remove(&data_dir.join(file));
                    remove(&data_dir.join(format!("{file}-wal")));
                    remove(&data_dir.join(format!("{file}-shm")));
                }
            }
            Self::Postgres(database) | Self::Kafka(database, _) | Self::Owner(database) => {
                let statements = [
                    "TRUNCATE payment, operation, refund, settlement, settlement_line, balance, posting,
                     payment_text, erased_text, parked",
                    "UPDATE view_cursor SET position = 0, event_id = NULL",
                    "TRUNCATE work_item, claim, expiry, expiry_waiting",
                    "UPDATE work_cursor SET position = 0, event_id = NULL",
                    "TRUNCATE relay_cursor",
                ];
                in_postgres(database, &statements).await;
            }
        }
    }
}

/// Runs `daybook migrate` as the owner and gives the serving role what it needs.
pub(crate) async fn migrate(database: &ScratchDatabase, flags: &[&str]) {
    let output = Command::new(binary())
        .arg("migrate")
        .arg(format!("--database-url={}", database.owner_url()))
        .args(flags)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "daybook migrate: {said}");
    database.grant().await;
}

fn remove(file: &Path) {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{file:?}: {error}"),
        _ => {}
    }
}

async fn in_sqlite(path: &Path, statements: &[&str]) {
    let options = SqliteConnectOptions::new().filename(path).pragma("foreign_keys", "off");
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for statement in statements {
        let sql = AssertSqlSafe((*statement).to_owned());
        let done = connection.execute(sqlx::raw_sql(sql)).await.unwrap();
        assert_changed(statement, done.rows_affected());
    }
    connection.close().await.unwrap();
}

async fn in_postgres(database: &ScratchDatabase, statements: &[&str]) {
    let mut owner = database.stranger().await;
    for statement in statements {
        let sql = AssertSqlSafe((*statement).to_owned());
        let done = owner.execute(sqlx::raw_sql(sql)).await.unwrap();
        assert_changed(statement, done.rows_affected());
    }
    owner.close().await.unwrap();
}

fn assert_changed(statement: &str, rows: u64) {
    let changes = statement.starts_with("UPDATE") || statement.starts_with("DELETE");
    assert!(!changes || rows > 0, "{statement} changed nothing");
}
