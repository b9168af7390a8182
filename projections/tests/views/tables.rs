//! The views' tables as text, and a way to damage them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daybook_engine::clock::{Clock, SystemClock};
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Ledger, Recorded};
use daybook_projections::feed::LedgerFeed;
use daybook_projections::views::{Applied, Batch, View, ViewCursors};
use daybook_projections::{
    Outcome, Pace, Projector, SqliteViews, ViewCheck, ViewReport, ViewStore,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};
use tempfile::TempDir;

use crate::book::{Book, PARTITIONS};

pub(crate) const TABLES: [&str; 7] =
    ["view_cursor", "payment", "operation", "refund", "settlement", "settlement_line", "balance"];

pub(crate) struct Desk {
    directory: TempDir,
    pub(crate) views: Arc<SqliteViews>,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let views = SqliteViews::open(&directory.path().join("views.db"), PARTITIONS).await;
        Self { directory, views: Arc::new(views.unwrap()) }
    }

    /// Closes the file and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.views.close().await;
        let views = SqliteViews::open(&self.path(), PARTITIONS).await.unwrap();
        Self { directory: self.directory, views: Arc::new(views) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("views.db")
    }

    pub(crate) fn projector(&self, book: &Arc<Book>) -> Projector {
        let ledger: Arc<dyn Ledger> = book.clone();
        let feed = Arc::new(LedgerFeed::new(ledger.clone()));
        let all = HeldPartitions::all(PARTITIONS);
        Projector::new(ledger, feed, self.views.clone(), Pace::default(), all)
    }

    /// Projects all that the book holds.
    pub(crate) async fn catch_up(&self, book: &Arc<Book>) {
        let mut projector = self.projector(book);
        while projector.project_once().await.unwrap() != Outcome::Idle {}
    }

    /// Runs statements on the file from beside.
    pub(crate) async fn damage(&self, statements: &'static str) {
        let done = sqlx::raw_sql(statements).execute(&mut connect(&self.path()).await).await;
        let changed = done.unwrap().rows_affected();
        assert!(changed > 0, "nothing was damaged by {statements}");
    }

    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut connection = connect(&self.path()).await;
        let mut lines = Vec::new();
        for table in TABLES {
            lines.extend(dump_table(&mut connection, table).await);
        }
        lines
    }

    pub(crate) async fn check(&self, book: &Book) -> Vec<ViewReport> {
        let mut reports = Vec::new();
        for partition in Partition::all(PARTITIONS) {
            let mut check = ViewCheck::begin(self.views.as_ref(), partition).await.unwrap();
            let events = book.read_by_payment(partition, None, u32::MAX).await.unwrap();
            for payment in events.chunk_by(|one, next| one.payment_id == next.payment_id) {
                check.payment(&decoded(payment)).await.unwrap();
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

pub(crate) fn decoded(events: &[Recorded]) -> Vec<(Recorded, daybook_engine::payment::Event)> {
    events.iter().map(|event| (event.clone(), event.decode().unwrap())).collect()
}

pub(crate) fn batch(cursors: ViewCursors, events: &[Recorded]) -> Batch {
    Batch { partition: events[0].partition, cursors, events: decoded(events) }
}

/// Applies one partition's events to views that stand at its start.
pub(crate) async fn apply_from_start(views: &SqliteViews, events: &[Recorded]) -> ViewCursors {
    let batch = batch(ViewCursors::default(), events);
    assert_eq!(views.apply(std::slice::from_ref(&batch)).await.unwrap(), Applied::Moved);
    batch.end()
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn dump_table(connection: &mut SqliteConnection, table: &str) -> Vec<String> {
    let statement = format!(
        "SELECT group_concat('quote(' || name || ')', '||'' ''||') FROM pragma_table_info('{table}')"
    );
    let columns: String =
        sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *connection).await.unwrap();
    let statement = format!("SELECT {columns} FROM {table} ORDER BY 1");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| format!("{table}: {}", row.get::<String, _>(0))).collect()
}

/// How long something took, in milliseconds.
pub(crate) fn millis_since(start: daybook_engine::clock::Timestamp) -> i64 {
    SystemClock.now().millis() - start.millis()
}

pub(crate) fn all_views_at(cursors: &ViewCursors) -> Vec<u64> {
    View::ALL.iter().map(|view| cursors.of(*view).position).collect()
}
