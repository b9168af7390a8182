//! The work store's contract, on every store.

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
    clock.advance_millis(i64::try_from(by.as_millis()).unwrap());
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
            let (clock, dir) = (clock(), tempfile::tempdir().unwrap());
            let store = SqliteWork::open(&dir.path().join("work.db"), clock.clone()).await;
            Self { store: Arc::new(store.unwrap()), clock, dir }
        }
    }

    #[async_trait]
    impl Fixture for Sqlite {
        fn store(&self) -> Arc<dyn WorkStore> {
            self.store.clone()
        }

        async fn empty(&self) -> Arc<dyn WorkStore> {
            let path = self.dir.path().join("empty.db");
            Arc::new(SqliteWork::open(&path, self.clock.clone()).await.unwrap())
        }

        async fn now(&self) -> Timestamp {
            self.clock.now()
        }

        async fn advance(&self, by: Duration) {
            advance(&self.clock, by);
        }

        async fn reopen(&mut self) -> bool {
            let path = self.dir.path().join("work.db");
            self.store.close().await;
            self.store = Arc::new(SqliteWork::open(&path, self.clock.clone()).await.unwrap());
            true
        }
    }

    daybook_engine::work_contract!(Sqlite::open());
}
