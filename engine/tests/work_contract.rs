//! The work store's contract, on every store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::{Clock, ManualClock, Timestamp};
use daybook_engine::work::WorkStore;
use daybook_engine::work::contract::Fixture;
use daybook_engine::work::memory::MemoryWork;
use daybook_engine::work::sqlite::SqliteWork;

fn clock() -> Arc<ManualClock> {
    ManualClock::at(Timestamp::from_millis(1_800_000_000_000))
}

fn advance(clock: &ManualClock, by: Duration) {
    clock.advance_millis(i64::try_from(by.as_millis()).expect("a short time"));
}

mod memory {
    use super::*;

    struct Memory {
        clock: Arc<ManualClock>,
        store: Arc<MemoryWork>,
    }

    impl Memory {
        async fn open() -> Self {
            let clock = clock();
            Self { store: Arc::new(MemoryWork::new(clock.clone())), clock }
        }
    }

    #[async_trait]
    impl Fixture for Memory {
        fn store(&self) -> Arc<dyn WorkStore> {
            self.store.clone()
        }

        async fn empty(&self) -> Arc<dyn WorkStore> {
            Arc::new(MemoryWork::new(self.clock.clone()))
        }

        async fn now(&self) -> Timestamp {
            self.clock.now()
        }

        async fn advance(&self, by: Duration) {
            advance(&self.clock, by);
        }

        async fn reopen(&mut self) -> bool {
            false
        }
    }

    daybook_engine::work_contract!(Memory::open());
}

mod sqlite {
    use super::*;

    struct Sqlite {
        clock: Arc<ManualClock>,
        dir: tempfile::TempDir,
        store: Arc<SqliteWork>,
    }

    impl Sqlite {
        async fn open() -> Self {
            let (clock, dir) = (clock(), tempfile::tempdir().expect("a directory"));
            let store = store(dir.path(), "work.db", &clock).await;
            Self { store, clock, dir }
        }
    }

    async fn store(dir: &Path, name: &str, clock: &Arc<ManualClock>) -> Arc<SqliteWork> {
        let opened = SqliteWork::open(&dir.join(name), clock.clone()).await;
        Arc::new(opened.expect("the store opens"))
    }

    #[async_trait]
    impl Fixture for Sqlite {
        fn store(&self) -> Arc<dyn WorkStore> {
            self.store.clone()
        }

        async fn empty(&self) -> Arc<dyn WorkStore> {
            store(self.dir.path(), "empty.db", &self.clock).await
        }

        async fn now(&self) -> Timestamp {
            self.clock.now()
        }

        async fn advance(&self, by: Duration) {
            advance(&self.clock, by);
        }

        async fn reopen(&mut self) -> bool {
            self.store.close().await;
            self.store = store(self.dir.path(), "work.db", &self.clock).await;
            true
        }
    }

    daybook_engine::work_contract!(Sqlite::open());
}
