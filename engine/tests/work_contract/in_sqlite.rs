use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::{Clock, ManualClock, Timestamp};
use daybook_engine::work::WorkStore;
use daybook_engine::work::contract::Fixture;
use daybook_engine::work::sqlite::SqliteWork;

use crate::in_memory::{advance, clock};

pub(crate) struct SqliteFixture {
    clock: Arc<ManualClock>,
    directory: tempfile::TempDir,
    store: Arc<SqliteWork>,
}

pub(crate) async fn in_sqlite() -> SqliteFixture {
    let (clock, directory) = (clock(), tempfile::tempdir().unwrap());
    let store = open(directory.path(), "work.db", &clock).await;
    SqliteFixture { store, clock, directory }
}

async fn open(directory: &Path, name: &str, clock: &Arc<ManualClock>) -> Arc<SqliteWork> {
    Arc::new(SqliteWork::open(&directory.join(name), clock.clone()).await.unwrap())
}

#[async_trait]
impl Fixture for SqliteFixture {
    fn store(&self) -> Arc<dyn WorkStore> {
        self.store.clone()
    }

    async fn empty(&self) -> Arc<dyn WorkStore> {
        open(self.directory.path(), "empty.db", &self.clock).await
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn advance(&self, by: Duration) {
        advance(&self.clock, by);
    }

    async fn reopen(&mut self) -> bool {
        self.store.close().await;
        self.store = open(self.directory.path(), "work.db", &self.clock).await;
        true
    }
}
