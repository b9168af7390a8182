//! What the sealer seals, and when.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{
    Append, Appended, Head, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use daybook_engine::seal::{Chain, SealStore, SealerSettings};

use crate::book::{fill, identity, in_memory, p, sealer, sealer_on};

const SECOND: Duration = Duration::from_secs(1);

fn settings(events: u64) -> SealerSettings {
    SealerSettings { every: SECOND, events }
}

/// Position and hash of a partition's seals.
async fn sealed(ledger: &MemoryLedger, partition: u16) -> Vec<(u64, u64)> {
    let seals = ledger.seals(p(partition), 0, 100).await.unwrap();
    let all = [Stretch { partition: p(partition), from: 1, limit: 10_000 }];
    let mut events = ledger.read(&all).await.unwrap().into_iter();
    let mut chain = Chain::begin(identity().id, p(partition));
    for seal in &seals {
        while chain.position() < seal.position {
            chain.add(&events.next().unwrap());
        }
        assert_eq!(seal.hash, chain.hash(), "{seal:?}");
    }
    seals.iter().map(|seal| (seal.number, seal.position)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_sealed_when_it_has_waited() {
    let ledger = in_memory();
    let mut sealer = sealer(&ledger, settings(1_000));
    fill(&*ledger, 0, 0..3).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 0);
    tokio::time::advance(SECOND / 2).await;
    fill(&*ledger, 0, 3..5).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 0);
    tokio::time::advance(SECOND / 2).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 1);
    tokio::time::advance(SECOND * 9).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 0, "nothing is new");
    assert_eq!(sealed(&ledger, 0).await, [(1, 5)]);
    assert_eq!(sealed(&ledger, 1).await, []);
}

#[tokio::test(start_paused = true)]
async fn many_events_are_sealed_at_once_and_in_shares() {
    let ledger = in_memory();
    let mut sealer = sealer(&ledger, settings(1_500));
    fill(&*ledger, 1, 0..1_499).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 0);
    fill(&*ledger, 1, 1_499..4_000).await;
    assert_eq!(sealer.seal_once().await.unwrap(), 3);
    assert_eq!(sealed(&ledger, 1).await, [(1, 1_500), (2, 3_000), (3, 4_000)]);
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_from_the_last_seal() {
    let ledger = in_memory();
    let (mut first, mut second) = (sealer(&ledger, settings(2)), sealer(&ledger, settings(2)));
    fill(&*ledger, 0, 0..2).await;
    assert_eq!(first.seal_once().await.unwrap(), 1);
    fill(&*ledger, 0, 2..4).await;
    assert_eq!(second.seal_once().await.unwrap(), 1);
    assert_eq!(first.seal_once().await.unwrap(), 0);
    assert_eq!(sealed(&ledger, 0).await, [(1, 2), (2, 4)]);
}

/// A ledger that has lost the events of some positions.
struct Lost {
    ledger: Arc<MemoryLedger>,
    positions: Range<u64>,
    head: u64,
}

#[async_trait]
impl Ledger for Lost {
    fn identity(&self) -> LedgerIdentity {
        self.ledger.identity()
    }

    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        self.ledger.append(batch).await
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.ledger.append_tolerant(batch).await
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        self.ledger.load(payment_id).await
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        self.ledger.texts(payment_id).await
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.ledger.read(stretches).await?;
        events.retain(|event| !self.positions.contains(&event.position));
        Ok(events)
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.ledger.read_by_payment(partition, after, limit).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let mut heads = self.ledger.heads().await?;
        for head in &mut heads {
            head.position = head.position.min(self.head);
        }
        Ok(heads)
    }
}

#[tokio::test(start_paused = true)]
pub(crate) async fn a_hole_and_a_lost_tail_are_never_sealed() {
    let ledger = in_memory();
    fill(&*ledger, 0, 0..6).await;
    let hole = Lost { ledger: ledger.clone(), positions: 4..5, head: 6 };
    let mut holed = sealer_on(Arc::new(hole), &ledger, settings(2));
    assert_eq!(holed.seal_once().await.unwrap(), 1, "up to the hole");
    assert_eq!(holed.seal_once().await.unwrap(), 0);
    assert_eq!(sealer(&ledger, settings(2)).seal_once().await.unwrap(), 2);
    let cut = Lost { ledger: ledger.clone(), positions: 4..7, head: 3 };
    let mut cut = sealer_on(Arc::new(cut), &ledger, settings(2));
    assert_eq!(cut.seal_once().await.unwrap(), 0);
    assert_eq!(sealed(&ledger, 0).await, [(1, 2), (2, 4), (3, 6)]);
}
