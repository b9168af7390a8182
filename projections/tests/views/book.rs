//! A ledger in memory, small enough to lie when a test wants it to.

use std::sync::Mutex;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{LedgerId, Partition, PaymentId};
use daybook_engine::ledger::{
    Append, Appended, Head, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};

pub(crate) const PARTITIONS: u16 = 4;

#[derive(Default)]
pub(crate) struct Book {
    events: Mutex<Vec<Recorded>>,
}

impl Book {
    pub(crate) fn of(events: &[Recorded]) -> Self {
        Self { events: Mutex::new(events.to_vec()) }
    }

    pub(crate) fn add(&self, events: &[Recorded]) {
        self.change(|book| book.extend_from_slice(events));
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<Recorded>)) {
        change(&mut self.events.lock().unwrap());
    }

    fn matching(&self, is_wanted: impl Fn(&Recorded) -> bool) -> Vec<Recorded> {
        let events = self.events.lock().unwrap();
        let mut found: Vec<_> = events.iter().filter(|event| is_wanted(event)).cloned().collect();
        found.sort_by_key(|event| (event.partition, event.position));
        found
    }
}

fn refused<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused("a test's book is written by the test".to_owned()))
}

#[async_trait]
impl Ledger for Book {
    fn identity(&self) -> LedgerIdentity {
        let id = LedgerId::from_uuid(uuid::Uuid::nil());
        LedgerIdentity { id, incarnation: 1, partitions: PARTITIONS }
    }

    async fn append(&self, _: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        refused()
    }

    async fn append_tolerant(&self, _: &[Append]) -> Result<Vec<Appended>, StoreError> {
        refused()
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.matching(|event| event.payment_id == payment_id))
    }

    async fn texts(&self, _: PaymentId) -> Result<Vec<EventText>, StoreError> {
        refused()
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.matching(|event| {
            stretches.iter().any(|stretch| {
                let end = stretch.from + u64::from(stretch.limit);
                event.partition == stretch.partition
                    && (stretch.from..end).contains(&event.position)
            })
        }))
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut found = self.matching(|event| {
            event.partition == partition && Some((event.payment_id, event.version)) > after
        });
        found.sort_by_key(|event| (event.payment_id, event.version));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let events = self.events.lock().unwrap();
        let head = |partition| {
            let positions = events.iter().filter(|event| event.partition == partition);
            positions.map(|event| event.position).max().unwrap_or(0)
        };
        let heads = Partition::all(PARTITIONS)
            .map(|partition| Head { partition, position: head(partition) });
        Ok(heads.collect())
    }
}
