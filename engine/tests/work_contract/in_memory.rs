use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::{Clock, ManualClock, Timestamp};
use daybook_engine::work::WorkStore;
use daybook_engine::work::contract::Fixture;
use daybook_engine::work::memory::MemoryWork;

pub(crate) struct MemoryFixture {
    clock: Arc<ManualClock>,
    store: Arc<MemoryWork>,
}

pub(crate) async fn in_memory() -> MemoryFixture {
    let clock = clock();
    MemoryFixture { store: Arc::new(MemoryWork::new(clock.clone())), clock }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    ManualClock::at(Timestamp::from_millis(1_800_000_000_000))
}

pub(crate) fn advance(clock: &ManualClock, by: Duration) {
    clock.advance_millis(i64::try_from(by.as_millis()).unwrap());
}

#[async_trait]
impl Fixture for MemoryFixture {
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
