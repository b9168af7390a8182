use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ids::LedgerId;
use daybook_engine::ledger::contract::{LedgerFixture, PARTITIONS};
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Erasure, Ledger, LedgerIdentity};
use uuid::Uuid;

pub(crate) struct MemoryFixture(Arc<MemoryLedger>);

pub(crate) async fn in_memory() -> MemoryFixture {
    let id = LedgerId::from_uuid(Uuid::from_u128(1));
    let identity = LedgerIdentity { id, incarnation: 1, partitions: PARTITIONS };
    MemoryFixture(Arc::new(MemoryLedger::new(identity)))
}

#[async_trait]
impl LedgerFixture for MemoryFixture {
    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.0) as Arc<dyn Ledger>
    }

    async fn elsewhere(&self) -> Arc<dyn Ledger> {
        self.ledger()
    }

    async fn erasure(&self) -> Arc<dyn Erasure> {
        Arc::clone(&self.0) as Arc<dyn Erasure>
    }
}
