//! Payments and appends to test with.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::PARTITIONS;
use crate::clock::Timestamp;
use crate::ids::{EventId, Partition, PaymentId};
use crate::ledger::{Append, Appended, Ledger, NewEvent, Recorded, Stretch};

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

/// Appends by the strict path what must not conflict; the last positions.
pub(super) async fn write(ledger: &dyn Ledger, batch: &[Append]) -> Vec<u64> {
    let appended = ledger.append(batch).await.unwrap().expect("a batch without conflict");
    assert_eq!(appended.len(), batch.len());
    appended.into_iter().map(position).collect()
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

/// Every event of the ledger, by partition and position.
pub(super) async fn everything(ledger: &dyn Ledger) -> Vec<Recorded> {
    let all: Vec<_> = (0..PARTITIONS).map(|partition| stretch(partition, 1, u32::MAX)).collect();
    ledger.read(&all).await.unwrap()
}

/// Fails where a partition has a gap, a payment's versions have one, or a head is wrong.
pub(super) async fn assert_sound(ledger: &dyn Ledger) {
    let events = everything(ledger).await;
    for head in ledger.heads().await.unwrap() {
        let of_partition = events.iter().filter(|event| event.partition == head.partition);
        let positions: Vec<u64> = of_partition.map(|event| event.position).collect();
        let gapless: Vec<u64> = (1..=head.position).collect();
        assert_eq!(positions, gapless, "partition {} ends at {}", head.partition, head.position);
    }
    let mut versions = std::collections::HashMap::new();
    for event in &events {
        let last = versions.entry(event.payment_id).or_insert(0);
        assert_eq!(event.version, *last + 1, "in position order, {event:?}");
        assert_eq!(event.partition, event.payment_id.partition(PARTITIONS), "{event:?}");
        *last = event.version;
    }
}
