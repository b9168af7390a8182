//! A ledger that grows by golden events.

use std::path::Path;
use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{EventId, LedgerId, Partition, PaymentId};
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Append, Ledger, LedgerIdentity, NewEvent, Recorded, Stretch};
use daybook_engine::payment::EventType;
use daybook_engine::payment::made_up::as_version_0;
use daybook_engine::wake::Wake;
use uuid::Uuid;

pub(crate) const PARTITIONS: u16 = 4;
pub(crate) const fn p(number: u16) -> Partition {
    Partition::new(number)
}

pub(crate) fn identity() -> LedgerIdentity {
    let id = LedgerId::from_uuid(Uuid::from_u128(0x0190_a6f0_1c2d_7e3f_8a4b_5c6d_7e8f_9a00));
    LedgerIdentity { id, incarnation: 1, partitions: PARTITIONS }
}

/// Every golden event: type and data.
pub(crate) fn golden_events() -> Vec<(&'static str, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/golden/events");
    let of_type = |event_type: &EventType| {
        let path = folder.join(format!("{}.json", event_type.as_str()));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let name = event_type.as_str();
        text.lines().map(|line| (name, line.to_owned())).collect::<Vec<_>>()
    };
    EventType::ALL.iter().flat_map(of_type).collect()
}

/// A ledger that grows by golden events.
pub(crate) struct Book {
    pub(crate) ledger: Arc<MemoryLedger>,
    events: Vec<(&'static str, String)>,
    appended: u64,
    pub(crate) wake: Wake,
}

impl Book {
    pub(crate) fn new() -> Self {
        let ledger = Arc::new(MemoryLedger::new(identity()));
        Self { ledger, events: golden_events(), appended: 0, wake: Wake::default() }
    }

    /// One whose authorizations an older build wrote, in a version made up for tests.
    pub(crate) fn of_an_older_build() -> Self {
        let older = |(name, data): (_, String)| (name, as_version_0(&data).unwrap_or(data));
        let events = golden_events().into_iter().map(older).collect();
        Self { events, ..Self::new() }
    }

    /// Appends so many payments of one to three events each.
    pub(crate) async fn grow(&mut self, payments: u64) {
        for _ in 0..payments {
            self.appended += 1;
            let number = self.appended;
            let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
            let append = self.append(PaymentId::from_uuid(Uuid::from_u64_pair(high, number)));
            let appended = self.ledger.append(&[append]).await.expect("the ledger answers");
            assert!(appended.is_some(), "the payment is new");
        }
        self.wake.signal();
    }

    fn append(&self, payment_id: PaymentId) -> Append {
        let event = |index: u64| {
            let (event_type, data) =
                &self.events[(self.appended + index) as usize % self.events.len()];
            let event_id = EventId::from_uuid(Uuid::from_u64_pair(self.appended, index));
            NewEvent { event_id, event_type, data: data.clone() }
        };
        let trace = format!("00-{:032x}-{:016x}-01", self.appended, 7);
        Append {
            payment_id,
            first_version: 1,
            events: (0..=self.appended % 3).map(event).collect(),
            texts: Vec::new(),
            traceparent: self.appended.is_multiple_of(2).then(|| trace.into()),
            recorded_at: Timestamp::from_millis(1_800_000_000_000 + self.appended as i64),
        }
    }

    pub(crate) async fn head(&self, partition: Partition) -> u64 {
        self.ledger.heads().await.expect("the ledger answers")[partition.index()].position
    }

    pub(crate) async fn count(&self) -> u64 {
        let heads = self.ledger.heads().await.expect("the ledger answers");
        heads.iter().map(|head| head.position).sum()
    }

    pub(crate) async fn events(&self, partition: Partition) -> Vec<Recorded> {
        let all = Stretch { partition, from: 1, limit: u32::MAX };
        self.ledger.read(&[all]).await.expect("the ledger answers")
    }
}
