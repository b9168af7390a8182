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
    /// By partition and position.
    partitions: Mutex<[Vec<Recorded>; PARTITIONS as usize]>,
}

impl Book {
    pub(crate) fn of(events: &[Recorded]) -> Self {
        let book = Self::default();
        book.add(events);
        book
    }

    pub(crate) fn add(&self, events: &[Recorded]) {
        let mut partitions = self.partitions.lock().unwrap();
        for event in events {
            partitions[event.partition.index()].push(event.clone());
        }
    }

    /// Rewrites history, as no ledger may.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<Recorded>)) {
        let mut events = std::mem::take(&mut *self.partitions.lock().unwrap()).concat();
        change(&mut events);
        self.add(&events);
    }

    fn matching(&self, is_wanted: impl Fn(&Recorded) -> bool) -> Vec<Recorded> {
        let partitions = self.partitions.lock().unwrap();
        partitions.iter().flatten().filter(|event| is_wanted(event)).cloned().collect()
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
        let partitions = self.partitions.lock().unwrap();
        let read = |stretch: &Stretch| {
            let events = &partitions[stretch.partition.index()];
            let first = events.partition_point(|event| event.position < stretch.from);
            let end = stretch.from + u64::from(stretch.limit);
            events[first..].iter().take_while(move |event| event.position < end).cloned()
        };
        Ok(stretches.iter().flat_map(read).collect())
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
        let partitions = self.partitions.lock().unwrap();
        let head = |partition: Partition| {
            let last = partitions[partition.index()].last();
            Head { partition, position: last.map_or(0, |event| event.position) }
        };
        Ok(Partition::all(PARTITIONS).map(head).collect())
    }
}
