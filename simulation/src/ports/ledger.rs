//! The ledger as one process reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use tokio::time::sleep;

use super::{lost, unavailable};
use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct LedgerPort {
    pub(crate) door: Arc<Door>,
    /// As the process found it when it started.
    pub(crate) ledger: Arc<dyn Ledger>,
}

const APPEND: &str = "append";
const READ: &str = "read of the ledger";

impl LedgerPort {
    async fn append_with<T>(
        &self,
        append: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let door = &self.door;
        door.pass(APPEND, Risk::Change, Fault::CrashBefore).await;
        if door.fails(Fault::AppendFailed, 120) {
            return Err(unavailable("ledger"));
        }
        if door.fails(Fault::LostBeforeCommit, 120) {
            return Err(lost("ledger"));
        }
        let answer = append.await;
        door.world.look_at_ledger().await;
        door.pass(APPEND, Risk::Change, Fault::CrashAfter).await;
        if answer.is_ok() && door.fails(Fault::LostAfterCommit, 350) {
            return Err(lost("ledger"));
        }
        answer
    }

    /// The statement is on its way, and its process hears nothing of it any more, or dies.
    async fn commit_late(&self, batch: &[Append]) -> StoreError {
        let (world, ledger, batch) = (self.door.world.clone(), self.ledger.clone(), batch.to_vec());
        tokio::spawn(async move {
            sleep(world.dice.millis(20, 900)).await;
            let answer = ledger.append(&batch).await;
            world.note(|| format!("ledger: the late commit: {answer:?}"));
            world.look_at_ledger().await;
        });
        if self.door.fails(Fault::CrashAfter, 5_000) {
            self.door.die();
        }
        self.door.pass(APPEND, Risk::Change, Fault::CrashAfter).await;
        lost("ledger")
    }

    async fn read_with<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.door.fails(Fault::ReadFailed, 8) {
            return Err(unavailable("ledger"));
        }
        self.door.cross(READ, Risk::Look, read).await
    }
}

#[async_trait]
impl Ledger for LedgerPort {
    fn identity(&self) -> LedgerIdentity {
        self.ledger.identity()
    }

    fn incarnations(&self) -> &Incarnations {
        self.ledger.incarnations()
    }

    fn batches_under_way(&self) -> usize {
        // Two, as on Postgres.
        2
    }

    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        if self.door.fails(Fault::CommittedLate, 120) {
            return Err(self.commit_late(batch).await);
        }
        let answer = self.append_with(self.ledger.append(batch)).await;
        if matches!(answer, Ok(None)) {
            self.door.world.faults.count(Fault::StaleDecision);
        }
        answer
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.append_with(self.ledger.append_tolerant(batch)).await
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        self.read_with(self.ledger.load(payment_id)).await
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        self.read_with(self.ledger.texts(payment_id)).await
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        self.read_with(self.ledger.read(stretches)).await
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.read_with(self.ledger.read_by_payment(partition, after, limit)).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.read_with(self.ledger.heads()).await
    }
}
