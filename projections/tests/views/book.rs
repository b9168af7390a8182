//! A ledger in memory, small enough to lie when a test wants it to.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use daybook_engine::event_text::{EventText, TextName};
use daybook_engine::ids::{LedgerId, Partition, PaymentId};
use daybook_engine::ledger::{
    Append, Appended, Head, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};

pub(crate) const PARTITIONS: u16 = 4;

#[derive(Default)]
pub(crate) struct Book {
    /// By partition and position.
    partitions: Mutex<[Vec<Recorded>; PARTITIONS as usize]>,
    erased: Mutex<BTreeSet<(PaymentId, TextName)>>,
}

/// A payment's colour, as its metadata has it.
pub(crate) fn colour(payment_id: PaymentId) -> &'static str {
    if payment_id.uuid().as_u128().is_multiple_of(2) { "red" } else { "blue" }
}

/// What a client wrote about a payment.
pub(crate) fn text(payment_id: PaymentId, name: TextName) -> String {
    match name {
        TextName::Reference => format!("it's order {payment_id}"),
        TextName::Metadata => {
            format!(r#"{{"a.b":"\"quoted\"","colour":"{}"}}"#, colour(payment_id))
        }
        TextName::Reason => "torn".to_owned(),
    }
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

    /// What `daybook erase` does to the ledger.
    pub(crate) fn erase(&self, payment_id: PaymentId, names: &[TextName]) {
        let erased = names.iter().map(|name| (payment_id, *name));
        self.erased.lock().unwrap().extend(erased);
    }

    fn matching(&self, is_wanted: impl Fn(&Recorded) -> bool) -> Vec<Recorded> {
        let partitions = self.partitions.lock().unwrap();
        partitions.iter().flatten().filter(|event| is_wanted(event)).cloned().collect()
    }
}

/// What a client wrote with an event.
pub(crate) fn texts_of(event: &Recorded) -> Vec<EventText> {
    let hashes = event.decode().map(|decoded| decoded.text_hashes()).unwrap_or_default();
    let text_of = |(name, _): (TextName, _)| {
        let text = Some(text(event.payment_id, name).into());
        EventText { version: event.version, name, salt: Some([3; 16]), text }
    };
    hashes.into_iter().map(text_of).collect()
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

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        let events = self.matching(|event| event.payment_id == payment_id);
        let mut texts: Vec<EventText> = events.iter().flat_map(texts_of).collect();
        let erased = self.erased.lock().unwrap();
        for text in texts.iter_mut().filter(|text| erased.contains(&(payment_id, text.name))) {
            text.text = None;
        }
        Ok(texts)
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
