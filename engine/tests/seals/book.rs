//! A ledger in memory, its events, and what a test makes of them.

use std::sync::Arc;

use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::ids::{EventId, LedgerId, Partition, PaymentId};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Append, Ledger, LedgerIdentity, NewEvent};
use daybook_engine::seal::{Sealer, SealerFoundations, SealerSettings};
use uuid::Uuid;

pub(crate) const PARTITIONS: u16 = 2;

pub(crate) fn identity() -> LedgerIdentity {
    let id = LedgerId::from_uuid(Uuid::from_u128(7));
    LedgerIdentity { id, incarnation: 1, partitions: PARTITIONS }
}

pub(crate) fn in_memory() -> Arc<MemoryLedger> {
    Arc::new(MemoryLedger::new(identity()))
}

/// A new payment of a partition, with one event; the same number is the same payment.
pub(crate) fn append(partition: u16, number: u64) -> Append {
    let high = number * u64::from(PARTITIONS) + u64::from(partition);
    Append {
        payment_id: PaymentId::from_uuid(Uuid::from_u64_pair(high, number)),
        first_version: 1,
        events: vec![NewEvent {
            event_id: EventId::from_uuid(Uuid::from_u64_pair(high, number + 1)),
            event_type: "payment.captured",
            data: format!("{{\"number\":{number}}}"),
        }],
        texts: Vec::new(),
        traceparent: None,
        recorded_at: Timestamp::from_millis(1_800_000_000_000),
    }
}

/// Appends so many payments to a partition.
pub(crate) async fn fill(ledger: &dyn Ledger, partition: u16, numbers: std::ops::Range<u64>) {
    let batch: Vec<_> = numbers.map(|number| append(partition, number)).collect();
    assert!(ledger.append(&batch).await.unwrap().is_some());
}

/// A sealer of both partitions that seals so many events at once.
pub(crate) fn sealer(ledger: &Arc<MemoryLedger>, settings: SealerSettings) -> Sealer {
    sealer_on(ledger.clone(), ledger, settings)
}

/// As [`sealer`], which reads its events elsewhere.
pub(crate) fn sealer_on(
    events: Arc<dyn Ledger>,
    ledger: &Arc<MemoryLedger>,
    settings: SealerSettings,
) -> Sealer {
    let foundations = SealerFoundations {
        ledger: events,
        seals: ledger.clone(),
        partitions: HeldPartitions::all(PARTITIONS),
        clock: ManualClock::at(Timestamp::from_millis(1_800_000_100_000)),
    };
    Sealer::new(foundations, settings)
}

pub(crate) const fn p(number: u16) -> Partition {
    Partition::new(number)
}
