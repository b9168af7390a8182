//! A ledger that ends where a rebuild is to end.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};

pub(super) struct CappedLedger {
    pub(super) inner: Arc<dyn Ledger>,
    /// Every partition's, in order.
    pub(super) caps: Vec<Head>,
}

impl CappedLedger {
    fn is_within(&self, event: &Recorded) -> bool {
        let cap = self.caps.get(event.partition.index());
        cap.is_some_and(|cap| event.position <= cap.position)
    }
}

fn refused() -> StoreError {
    StoreError::Refused("a rebuild appends nothing".to_owned())
}

#[async_trait]
impl Ledger for CappedLedger {
    fn identity(&self) -> LedgerIdentity {
        self.inner.identity()
    }

    fn incarnations(&self) -> &Incarnations {
        self.inner.incarnations()
    }

    async fn append(&self, _batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        Err(refused())
    }

    async fn append_tolerant(&self, _batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        Err(refused())
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.inner.load(payment_id).await?;
        events.retain(|event| self.is_within(event));
        Ok(events)
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        self.inner.texts(payment_id).await
    }

    async fn texts_of(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
        self.inner.texts_of(payments).await
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.inner.read(stretches).await?;
        events.retain(|event| self.is_within(event));
        Ok(events)
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.inner.read_by_payment(partition, after, limit).await?;
        events.retain(|event| self.is_within(event));
        Ok(events)
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(self.caps.clone())
    }
}
