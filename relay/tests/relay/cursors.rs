//! The contract of the cursors, on every store.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::postgres::Migrator;
use daybook_engine::postgres::scratch::ScratchDatabase;
use daybook_engine::work::sqlite::SqliteWork;
use daybook_relay::cursors::RelayCursors;
use daybook_relay::cursors::contract::CursorsFixture;
use daybook_relay::cursors::memory::MemoryRelayCursors;
use daybook_relay::cursors::postgres::PostgresRelayCursors;
use daybook_relay::cursors::sqlite::SqliteRelayCursors;
use tempfile::TempDir;

struct Memory(Arc<MemoryRelayCursors>);

#[async_trait]
impl CursorsFixture for Memory {
    fn cursors(&self) -> Arc<dyn RelayCursors> {
        self.0.clone()
    }

    async fn elsewhere(&self) -> Arc<dyn RelayCursors> {
        self.0.clone()
    }
}

async fn on_memory() -> Memory {
    Memory(Arc::default())
}

struct Sqlite {
    folder: TempDir,
    cursors: Arc<SqliteRelayCursors>,
}

impl Sqlite {
    async fn open(folder: &TempDir) -> Arc<SqliteRelayCursors> {
        let opened = SqliteRelayCursors::open(&folder.path().join("work.db")).await;
        Arc::new(opened.expect("the file opens"))
    }
}

#[async_trait]
impl CursorsFixture for Sqlite {
    fn cursors(&self) -> Arc<dyn RelayCursors> {
        self.cursors.clone()
    }

    async fn elsewhere(&self) -> Arc<dyn RelayCursors> {
        Self::open(&self.folder).await
    }
}

async fn on_sqlite() -> Sqlite {
    let folder = tempfile::tempdir().expect("a folder");
    Sqlite { cursors: Sqlite::open(&folder).await, folder }
}

struct Postgres {
    database: ScratchDatabase,
    cursors: Arc<PostgresRelayCursors>,
}

impl Postgres {
    async fn open(database: &ScratchDatabase) -> Arc<PostgresRelayCursors> {
        let opened = PostgresRelayCursors::open(&database.server_settings()).await;
        Arc::new(opened.expect("the database opens"))
    }
}

#[async_trait]
impl CursorsFixture for Postgres {
    fn cursors(&self) -> Arc<dyn RelayCursors> {
        self.cursors.clone()
    }

    async fn elsewhere(&self) -> Arc<dyn RelayCursors> {
        Self::open(&self.database).await
    }
}

async fn on_postgres() -> Postgres {
    let database = ScratchDatabase::create().await;
    let mut migrator = Migrator::connect(&database.owner_settings()).await.expect("connects");
    PostgresRelayCursors::migrate(&mut migrator).await.expect("migrates");
    database.grant().await;
    Postgres { cursors: Postgres::open(&database).await, database }
}

daybook_relay::cursors_contract!(memory, on_memory);
daybook_relay::cursors_contract!(sqlite, on_sqlite);
daybook_relay::cursors_contract!(postgres, on_postgres);

#[tokio::test]
async fn the_work_store_and_the_cursors_share_one_file_in_either_order() {
    for cursors_first in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("work.db");
        let clock = ManualClock::at(Timestamp::from_millis(0));
        if cursors_first {
            let cursors = SqliteRelayCursors::open(&path).await.expect("the cursors open");
            SqliteWork::open(&path, clock).await.expect("the work store opens");
            cursors.close().await;
        } else {
            let work = SqliteWork::open(&path, clock).await.expect("the work store opens");
            SqliteRelayCursors::open(&path).await.expect("the cursors open");
            work.close().await;
        }
    }
}
