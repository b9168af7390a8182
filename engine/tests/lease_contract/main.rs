//! The contract of leases, on each store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

#[path = "../work_contract/moved_clock.rs"]
mod moved_clock;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::lease::LeaseStore;
use daybook_engine::lease::contract::{CASES, LeaseFixture, PARTITIONS};
use daybook_engine::lease::memory::MemoryLeases;
use daybook_engine::lease::postgres::PostgresLeases;
use daybook_engine::lease_contract;

use self::moved_clock::MovedClock;

lease_contract!(memory, in_memory);
lease_contract!(postgres, in_postgres);

#[test]
fn every_store_runs_every_case() {
    let all: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    for (store, cases) in [("memory", memory::CASES), ("postgres", postgres::CASES)] {
        assert_eq!(cases, all, "{store}");
    }
}

struct MemoryFixture {
    clock: Arc<ManualClock>,
    store: Arc<MemoryLeases>,
}

async fn in_memory() -> MemoryFixture {
    let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
    MemoryFixture { store: Arc::new(MemoryLeases::new(PARTITIONS, clock.clone())), clock }
}

#[async_trait]
impl LeaseFixture for MemoryFixture {
    fn store(&self) -> Arc<dyn LeaseStore> {
        self.store.clone()
    }

    async fn elsewhere(&self) -> Arc<dyn LeaseStore> {
        self.store.clone()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance_millis(i64::try_from(by.as_millis()).unwrap());
    }
}

struct PostgresFixture {
    database: MovedClock,
    store: Arc<PostgresLeases>,
}

async fn in_postgres() -> PostgresFixture {
    let database = MovedClock::create(PARTITIONS).await;
    let store = open(&database).await;
    PostgresFixture { database, store }
}

async fn open(database: &MovedClock) -> Arc<PostgresLeases> {
    Arc::new(PostgresLeases::open(&database.settings()).await.unwrap())
}

#[async_trait]
impl LeaseFixture for PostgresFixture {
    fn store(&self) -> Arc<dyn LeaseStore> {
        self.store.clone()
    }

    async fn elsewhere(&self) -> Arc<dyn LeaseStore> {
        open(&self.database).await
    }

    async fn advance(&self, by: Duration) {
        self.database.advance(by).await;
    }
}
