//! Payments and appends to test with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::{LedgerFixture, PARTITIONS};
use crate::clock::Timestamp;
use crate::event_text::EventText;
use crate::ids::{EventId, Partition, PaymentId};
use crate::ledger::{Append, Appended, Head, Ledger, NewEvent, Recorded, StoreError, Stretch};

/// A payment of a partition; the same numbers give the same payment.
pub(super) fn payment(partition: u16, number: u64) -> PaymentId {
    let partitions = u64::from(PARTITIONS);
    // A walk by payment id must not be a walk by position.
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
    let high = scattered - scattered % partitions + u64::from(partition);
    PaymentId::from_uuid(Uuid::from_u64_pair(high, number))
}

/// An append of `count` new events to a payment; no two events have the same id.
pub(super) fn append(payment_id: PaymentId, first_version: u32, count: usize) -> Append {
    Append {
        payment_id,
        first_version,
        events: (0..count).map(|_| event()).collect(),
        texts: Vec::new(),
        traceparent: None,
        recorded_at: Timestamp::from_millis(1_700_000_000_000),
    }
}

fn event() -> NewEvent {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    NewEvent {
        event_id: EventId::from_uuid(Uuid::from_u64_pair(number, u64::MAX)),
        event_type: "payment.captured",
        data: format!("{{\"v\":1,\"number\":{number}}}"),
    }
}

pub(super) fn position(appended: Appended) -> u64 {
    match appended {
        Appended::At(position) => position,
        Appended::Conflict => panic!("a conflict, where there should be none"),
    }
}

pub(super) fn stretch(partition: u16, from: u64, limit: u32) -> Stretch {
    Stretch { partition: Partition::new(partition), from, limit }
}

/// A ledger of which a case expects an answer to everything.
#[derive(Clone)]
pub(super) struct Answering(Arc<dyn Ledger>);

impl Answering {
    pub(super) fn here(fixture: &dyn LedgerFixture) -> Self {
        Self(fixture.ledger())
    }

    pub(super) async fn elsewhere(fixture: &dyn LedgerFixture) -> Self {
        Self(fixture.elsewhere().await)
    }

    pub(super) async fn append(&self, batch: &[Append]) -> Option<Vec<Appended>> {
        answer("append", self.0.append(batch).await)
    }

    /// Appends by the strict path what must not conflict; the last positions.
    pub(super) async fn write(&self, batch: &[Append]) -> Vec<u64> {
        let appended = self.append(batch).await.expect("a batch without conflict");
        assert_eq!(appended.len(), batch.len(), "{appended:?}");
        appended.into_iter().map(position).collect()
    }

    pub(super) async fn append_tolerant(&self, batch: &[Append]) -> Vec<Appended> {
        answer("append_tolerant", self.0.append_tolerant(batch).await)
    }

    pub(super) async fn load(&self, payment_id: PaymentId) -> Vec<Recorded> {
        answer("load", self.0.load(payment_id).await)
    }

    pub(super) async fn texts(&self, payment_id: PaymentId) -> Vec<EventText> {
        answer("texts", self.0.texts(payment_id).await)
    }

    pub(super) async fn read(&self, stretches: &[Stretch]) -> Vec<Recorded> {
        answer("read", self.0.read(stretches).await)
    }

    pub(super) async fn digests(&self, stretches: &[Stretch]) -> Vec<[u8; 32]> {
        answer("digests", self.0.digests(stretches).await)
    }

    pub(super) async fn read_by_payment(
        &self,
        partition: u16,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Vec<Recorded> {
        let partition = Partition::new(partition);
        answer("read_by_payment", self.0.read_by_payment(partition, after, limit).await)
    }

    pub(super) async fn heads(&self) -> Vec<Head> {
        answer("heads", self.0.heads().await)
    }

    /// Every event, by partition and position.
    pub(super) async fn everything(&self) -> Vec<Recorded> {
        let all = (0..PARTITIONS).map(|partition| stretch(partition, 1, u32::MAX));
        self.read(&all.collect::<Vec<_>>()).await
    }

    /// Fails where a partition has a gap, a payment's versions have one, or a head is wrong.
    pub(super) async fn assert_sound(&self) {
        let events = self.everything().await;
        for head in self.heads().await {
            let of_partition = events.iter().filter(|event| event.partition == head.partition);
            let positions: Vec<u64> = of_partition.map(|event| event.position).collect();
            let gapless: Vec<u64> = (1..=head.position).collect();
            assert_eq!(
                positions, gapless,
                "partition {} ends at {}",
                head.partition, head.position
            );
        }
        let mut versions = HashMap::new();
        for event in &events {
            let last = versions.entry(event.payment_id).or_insert(0);
            assert_eq!(event.version, *last + 1, "in position order, {event:?}");
            assert_eq!(event.partition, event.payment_id.partition(PARTITIONS), "{event:?}");
            *last = event.version;
        }
    }
}

fn answer<T>(what: &str, answered: Result<T, StoreError>) -> T {
    answered.unwrap_or_else(|error| panic!("{what}: {error}"))
}
