//! Seals reach their topic, each at least once and in order, whatever the broker does.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::broker::memory::{Behaviour, MemoryBroker};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::seal::{ExportedSeal, SealStore, Sealer, SealerFoundations, SealerSettings};
use daybook_relay::cursors::memory::MemoryRelayCursors;
use daybook_relay::seals::SealRelay;

use super::book::{Book, PARTITIONS, identity};
use super::stage::{p, topic};

struct Stage {
    book: Book,
    broker: MemoryBroker,
    relay: SealRelay,
}

impl Stage {
    fn new() -> Self {
        let book = Book::new();
        let broker = MemoryBroker::new(topic(), 1, Behaviour::default());
        let cursors = Arc::new(MemoryRelayCursors::default());
        let relay = relay(&book.ledger, &broker, &cursors);
        Self { book, broker, relay }
    }

    /// Ten payments more, and everything sealed.
    async fn grow(&mut self) {
        self.book.grow(10).await;
        let foundations = SealerFoundations {
            ledger: self.book.ledger.clone(),
            seals: self.book.ledger.clone(),
            partitions: HeldPartitions::all(PARTITIONS),
            clock: Arc::new(daybook_engine::clock::SystemClock),
        };
        let settings = SealerSettings { every: Duration::ZERO, events: 3 };
        let made = Sealer::new(foundations, settings).seal_once().await.expect("it seals");
        assert!(made > 0);
    }

    async fn all(&self) -> Vec<ExportedSeal> {
        let mut seals = Vec::new();
        for number in 0..PARTITIONS {
            let of = self.book.ledger.seals(p(number), 0, 1_000).await.expect("they are read");
            seals.extend(of.iter().map(|seal| ExportedSeal::new(identity().id, seal)));
        }
        seals
    }

    fn published(&self) -> Vec<ExportedSeal> {
        let mut seals = self.broker.seals();
        // In order within a partition, which a stable sort keeps.
        seals.sort_by_key(|seal| seal.partition);
        seals
    }
}

fn relay(
    ledger: &Arc<MemoryLedger>,
    broker: &MemoryBroker,
    cursors: &Arc<MemoryRelayCursors>,
) -> SealRelay {
    SealRelay {
        ledger: identity().id,
        seals: ledger.clone(),
        broker: Arc::new(broker.clone()),
        cursors: cursors.clone(),
        partitions: HeldPartitions::all(PARTITIONS),
        replication_factor: None,
    }
}

#[tokio::test(start_paused = true)]
async fn each_seal_is_published_once_where_nothing_fails() {
    let mut stage = Stage::new();
    assert_eq!(stage.relay.publish_once().await.expect("nothing to do"), 0);
    for _ in 0..3 {
        stage.grow().await;
        assert!(stage.relay.publish_once().await.expect("it publishes") > 0);
        assert_eq!(stage.relay.publish_once().await.expect("nothing is new"), 0);
        assert_eq!(stage.published(), stage.all().await);
    }
}

#[tokio::test(start_paused = true)]
async fn seals_wait_for_a_broker_that_is_away() {
    let mut stage = Stage::new();
    stage.grow().await;
    stage.broker.stop();
    assert!(stage.relay.publish_once().await.is_err());
    stage.grow().await;
    stage.broker.start();
    stage.relay.publish_once().await.expect("it publishes");
    assert_eq!(stage.published(), stage.all().await);
}

#[tokio::test(start_paused = true)]
async fn the_seals_of_a_restored_ledger_are_published_all_again() {
    let mut stage = Stage::new();
    stage.grow().await;
    stage.grow().await;
    stage.relay.publish_once().await.expect("it publishes");
    let before = stage.published();
    // The same numbers, and other seals: what came after the backup is gone, and other events came.
    let mut restored = Stage::new();
    restored.book.grow(7).await;
    restored.grow().await;
    stage.relay.seals = restored.book.ledger.clone();
    stage.relay.publish_once().await.expect("it publishes");
    let published = stage.published();
    for seal in restored.all().await {
        assert!(published.contains(&seal), "{seal:?} is missing");
    }
    assert!(published.len() > before.len());
}
