use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::Timestamp;
use daybook_engine::work::WorkStore;
use daybook_engine::work::contract::{Fixture, PARTITIONS};
use daybook_engine::work::postgres::PostgresWork;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::moved_clock::MovedClock;

pub(crate) struct PostgresFixture {
    pub(crate) database: MovedClock,
    pub(crate) store: Arc<PostgresWork>,
    /// Databases of other stores, whose clocks go with this one.
    beside: Mutex<Vec<Arc<MovedClock>>>,
}

pub(crate) async fn in_postgres() -> PostgresFixture {
    let database = MovedClock::create(PARTITIONS).await;
    let store = open(&database).await;
    PostgresFixture { database, store, beside: Mutex::default() }
}

/// Another process's store.
pub(crate) async fn open(database: &MovedClock) -> Arc<PostgresWork> {
    Arc::new(PostgresWork::open(&database.settings()).await.unwrap())
}

/// Another session of the role that serves, on the moved clock.
pub(crate) async fn session(database: &MovedClock) -> PgConnection {
    PgConnection::connect(&database.url()).await.unwrap()
}

#[async_trait]
impl Fixture for PostgresFixture {
    fn store(&self) -> Arc<dyn WorkStore> {
        self.store.clone()
    }

    async fn empty(&self) -> Arc<dyn WorkStore> {
        let database = Arc::new(MovedClock::create(PARTITIONS).await);
        let store = open(&database).await;
        self.beside.lock().unwrap().push(database);
        store
    }

    async fn now(&self) -> Timestamp {
        let now: i64 =
            sqlx::query_scalar("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8")
                .fetch_one(&mut session(&self.database).await)
                .await
                .unwrap();
        Timestamp::from_millis(now)
    }

    async fn advance(&self, by: Duration) {
        let beside = self.beside.lock().unwrap().clone();
        self.database.advance(by).await;
        for database in beside {
            database.advance(by).await;
        }
    }

    async fn reopen(&mut self) -> bool {
        self.store.close().await;
        self.store = open(&self.database).await;
        true
    }
}
