//! The views' tables as text, and a way to damage them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daybook_engine::clock::{Clock, ManualClock, SystemClock};
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Ledger, Recorded};
use daybook_engine::postgres::Migrator;
use daybook_engine::postgres::scratch::ScratchDatabase;
use daybook_projections::feed::LedgerFeed;
use daybook_projections::views::postgres::PostgresViews;
use daybook_projections::views::{Applied, Batch, EraseViewTexts, View, ViewCursors};
use daybook_projections::{
    Outcome, Pace, Projector, SqliteViews, ViewCheck, ViewQueries, ViewReport, ViewStore,
};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

use crate::book::{Book, PARTITIONS, texts_of};

pub(crate) const TABLES: [&str; 11] = [
    "view_cursor",
    "payment",
    "operation",
    "refund",
    "settlement",
    "settlement_line",
    "balance",
    "posting",
    "payment_text",
    "erased_text",
    "parked",
];

/// The stores that every case runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

/// Views to write and to read.
pub(crate) trait Views: ViewStore + ViewQueries + EraseViewTexts {}

impl<V: ViewStore + ViewQueries + EraseViewTexts> Views for V {}

/// Where the tables stand.
enum Place {
    Sqlite(TempDir),
    Postgres(Box<ScratchDatabase>),
}

pub(crate) struct Desk {
    pub(crate) views: Arc<dyn Views>,
    place: Place,
}

impl Place {
    async fn create(store: Store) -> Self {
        match store {
            Store::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Store::Postgres => {
                let database = ScratchDatabase::create().await;
                let mut owner = Migrator::connect(&database.owner_settings()).await.unwrap();
                PostgresViews::migrate(&mut owner, PARTITIONS).await.unwrap();
                database.grant().await;
                Self::Postgres(Box::new(database))
            }
        }
    }

    async fn open(&self) -> Arc<dyn Views> {
        match self {
            Self::Sqlite(directory) => {
                Arc::new(SqliteViews::open(&path(directory), PARTITIONS).await.unwrap())
            }
            Self::Postgres(database) => Arc::new(
                PostgresViews::open(&database.server_settings(), PARTITIONS).await.unwrap(),
            ),
        }
    }
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("views.db")
}

impl Desk {
    pub(crate) async fn open(store: Store) -> Self {
        let place = Place::create(store).await;
        Self { views: place.open().await, place }
    }

    /// Opens the tables again, as a process does that was killed.
    pub(crate) async fn reopen(self) -> Self {
        let Self { views, place } = self;
        drop(views);
        Self { views: place.open().await, place }
    }

    pub(crate) const fn is(&self, store: Store) -> bool {
        matches!(
            (&self.place, store),
            (Place::Sqlite(_), Store::Sqlite) | (Place::Postgres(_), Store::Postgres)
        )
    }

    pub(crate) fn projector(&self, book: &Arc<Book>) -> Projector {
        let ledger: Arc<dyn Ledger> = book.clone();
        let feed = Arc::new(LedgerFeed::new(ledger.clone()));
        let all = HeldPartitions::all(PARTITIONS);
        Projector::new(ledger, feed, self.views.clone(), Pace::default(), all, clock())
    }

    /// Projects all that the book holds.
    pub(crate) async fn catch_up(&self, book: &Arc<Book>) {
        let mut projector = self.projector(book);
        while projector.project_once().await.unwrap() != Outcome::Idle {}
    }

    /// Runs statements, as SQLite spells them, from beside.
    pub(crate) async fn damage(&self, statements: &'static str) {
        let changed = match &self.place {
            Place::Sqlite(directory) => {
                let mut connection = sqlite(&path(directory)).await;
                sqlx::raw_sql(statements).execute(&mut connection).await.unwrap().rows_affected()
            }
            Place::Postgres(database) => {
                let statements = AssertSqlSafe(as_postgres(statements));
                let mut connection = database.stranger().await;
                sqlx::raw_sql(statements).execute(&mut connection).await.unwrap().rows_affected()
            }
        };
        assert!(changed > 0, "nothing was damaged by {statements}");
    }

    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for table in TABLES {
            let mut rows = match &self.place {
                Place::Sqlite(directory) => {
                    dump_sqlite(&mut sqlite(&path(directory)).await, table).await
                }
                Place::Postgres(database) => {
                    dump_postgres(&mut database.stranger().await, table).await
                }
            };
            rows.sort();
            lines.extend(rows.iter().map(|row| format!("{table}: {row}")));
        }
        lines
    }

    /// How often Postgres had to break a deadlock.
    pub(crate) async fn deadlocks(&self) -> i64 {
        let Place::Postgres(database) = &self.place else { return 0 };
        sqlx::query_scalar(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&mut database.stranger().await)
        .await
        .unwrap()
    }

    pub(crate) async fn check(&self, book: &Book) -> Vec<ViewReport> {
        let mut reports = Vec::new();
        for partition in Partition::all(PARTITIONS) {
            let mut check = ViewCheck::begin(self.views.as_ref(), partition).await.unwrap();
            let events = book.read_by_payment(partition, None, u32::MAX).await.unwrap();
            for payment in events.chunk_by(|one, next| one.payment_id == next.payment_id) {
                let texts = book.texts(payment[0].payment_id).await.unwrap();
                check.payment(&readable(payment), &texts).await.unwrap();
            }
            reports.push(check.finish(book).await.unwrap());
        }
        reports
    }

    /// Every difference of every partition, as text.
    pub(crate) async fn differences(&self, book: &Book) -> Vec<String> {
        let reports = self.check(book).await;
        reports.iter().flat_map(|r| &r.differences).map(ToString::to_string).collect()
    }
}

/// A clock that stands still.
pub(crate) fn clock() -> Arc<dyn Clock> {
    ManualClock::at("2026-11-24T10:00:00Z".parse().unwrap())
}

pub(crate) fn decoded(events: &[Recorded]) -> Vec<(Recorded, daybook_engine::payment::Event)> {
    events.iter().map(|event| (event.clone(), event.decode().unwrap())).collect()
}

/// The events up to the first that can't be read, as a walk over the ledger hands them on.
fn readable(events: &[Recorded]) -> Vec<(Recorded, daybook_engine::payment::Event)> {
    let decoded = events.iter().map(|event| Some((event.clone(), event.decode().ok()?)));
    decoded.map_while(|event| event).collect()
}

pub(crate) fn batch(cursors: ViewCursors, events: &[Recorded]) -> Batch {
    let mut batch = Batch::new(events[0].partition, cursors, decoded(events));
    for event in events {
        batch.texts.entry(event.payment_id).or_default().extend(texts_of(event));
    }
    batch
}

/// Applies one partition's events to views that stand at its start.
pub(crate) async fn apply_from_start(views: &dyn Views, events: &[Recorded]) -> ViewCursors {
    let batch = batch(ViewCursors::default(), events);
    assert_eq!(views.apply(std::slice::from_ref(&batch)).await.unwrap(), Applied::Moved);
    batch.end()
}

async fn sqlite(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn dump_sqlite(connection: &mut SqliteConnection, table: &str) -> Vec<String> {
    let statement = format!(
        "SELECT group_concat('quote(' || name || ')', '||'' ''||') FROM pragma_table_info('{table}')"
    );
    let columns: String =
        sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *connection).await.unwrap();
    let statement = format!("SELECT {columns} FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap()
}

async fn dump_postgres(connection: &mut PgConnection, table: &str) -> Vec<String> {
    let columns: String = sqlx::query_scalar(
        "SELECT string_agg(format('literal(%I)', attname), '||'' ''||' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0",
    )
    .bind(table)
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let statement = format!("SELECT {columns} FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap()
}

/// Ids and times in Postgres's spelling.
fn as_postgres(statements: &str) -> String {
    let mut spelled = statements.replace("SELECT 2, X'", "SELECT 2, uuid '").replace("X'", "'");
    for column in ["created_at", "updated_at", "requested_at", "completed_at", "at"] {
        let time = format!(" SET {column} = 987654321 ");
        spelled = spelled.replace(&time, &format!(" SET {column} = to_timestamp(987.654321) "));
    }
    spelled
}

/// How long something took, in milliseconds.
pub(crate) fn millis_since(start: daybook_engine::clock::Timestamp) -> i64 {
    SystemClock.now().millis() - start.millis()
}

pub(crate) fn all_views_at(cursors: &ViewCursors) -> Vec<u64> {
    View::ALL.iter().map(|view| cursors.of(*view).position).collect()
}
