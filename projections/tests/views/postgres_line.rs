//! Views on a line that falls silent or is not needed: no statement is waited for without end, and a
//! refused page costs nothing.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::postgres::scratch::ScratchDatabase;
use daybook_engine::postgres::{Migrator, scratch};
use daybook_projections::views::ViewCursors;
use daybook_projections::views::postgres::PostgresViews;
use daybook_projections::views::{payments, settlements};
use daybook_projections::{PageQuery, ViewError, ViewQueries, ViewStore};
use tokio::task::JoinSet;

use crate::book::PARTITIONS;
use crate::history::History;
use crate::proxy::{Fault, Proxy};
use crate::tables::batch;

/// Views on a line of their own, with short limits.
struct Lined {
    _database: ScratchDatabase,
    proxy: Proxy,
    views: Arc<PostgresViews>,
}

impl Lined {
    async fn open() -> Self {
        let database = ScratchDatabase::create().await;
        let mut owner = Migrator::connect(&database.owner_settings()).await.unwrap();
        PostgresViews::migrate(&mut owner, PARTITIONS).await.unwrap();
        database.grant().await;
        let (proxy, through) = Proxy::before(database.server_url()).await;
        let mut settings = scratch::settings(&through);
        settings.statement_timeout = Duration::from_millis(300);
        // A connection that is lost is one that has to be made again.
        settings.pool_max = 1;
        let views = Arc::new(PostgresViews::open(&settings, PARTITIONS).await.unwrap());
        Self { _database: database, proxy, views }
    }
}

/// What is asked of the views.
#[derive(Clone, Copy, Debug)]
enum Question {
    Cursors,
    Apply,
    Page,
    Snapshot,
}

async fn ask(views: &PostgresViews, question: Question) -> Result<(), ViewError> {
    match question {
        Question::Cursors => views.cursors().await.map(|_| ()),
        Question::Page => views.payments(&PageQuery::of(&payments::LIST)).await.map(|_| ()),
        Question::Snapshot => views.snapshot(Partition::new(0)).await.map(|_| ()),
        Question::Apply => {
            let history = History::of_refunded(4);
            let events = history.of_partition(Partition::new(0));
            views.apply(&[batch(ViewCursors::default(), &events)]).await.map(|_| ())
        }
    }
}

fn assert_unavailable(answer: &Result<(), ViewError>, what: impl Debug) {
    let is_so = matches!(answer, Err(ViewError::Store(StoreError::Unavailable { .. })));
    assert!(is_so, "{what:?}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_more_is_given_up() {
    let mut asked = JoinSet::new();
    for (question, at) in [
        (Question::Cursors, "FROM view_cursor"),
        (Question::Apply, "INSERT INTO settlement_line"),
        (Question::Apply, "UPDATE view_cursor"),
        (Question::Apply, "FOR UPDATE"),
        (Question::Page, "FROM view_cursor WHERE view IN"),
        (Question::Page, "ORDER BY payment.created_at"),
        (Question::Snapshot, "READ ONLY"),
        (Question::Snapshot, "SET LOCAL"),
    ] {
        asked.spawn(async move {
            let lined = Lined::open().await;
            lined.proxy.arm(Fault::LoseAnswer, at);
            let limit = Duration::from_secs(60);
            let answer = tokio::time::timeout(limit, ask(&lined.views, question)).await;
            assert!(!lined.proxy.is_armed(), "{question:?} never says {at:?}");
            assert_unavailable(&answer.unwrap(), (question, at));
            // Another connection answers.
            ask(&lined.views, question).await.unwrap();
        });
    }
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_cursor_costs_no_connection() {
    let lined = Lined::open().await;
    let query = PageQuery::of(&settlements::LIST);
    lined.views.settlements(&query).await.unwrap();
    let before = lined.proxy.connections();
    for _ in 0..5 {
        let bad = query.clone().after(Some("5b5d".to_owned()));
        let answer = lined.views.settlements(&bad).await;
        assert!(matches!(answer, Err(ViewError::BadCursor)), "{answer:?}");
        lined.views.settlements(&query).await.unwrap();
    }
    assert_eq!(lined.proxy.connections(), before);
}
