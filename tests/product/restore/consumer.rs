//! Readers of the topic that go by the rules of `schemas/README.md` and know nothing of the ledger.

use daybook_engine::ids::{EventId, Partition};
use daybook_engine::record::{Published, TopicRecord, header};

use crate::harness::Daybook;
use crate::restore::PARTITIONS;
use crate::store::Book;

/// One for each partition; none where there is no topic.
pub(super) struct Consumers(Vec<Consumer>);

struct Consumer {
    partition: Partition,
    /// The first record that it has not read yet.
    offset: usize,
    incarnation: u32,
    /// What it holds to have happened, by position from 1 on.
    events: Vec<EventId>,
}

impl Consumers {
    /// They have read the topic to its end.
    pub(super) async fn of(daybook: &Daybook) -> Self {
        let mut consumers = Vec::new();
        if let Book::Kafka(..) = &*daybook.book {
            for partition in Partition::all(PARTITIONS) {
                let (offset, incarnation, events) = (0, 1, Vec::new());
                let mut consumer = Consumer { partition, offset, incarnation, events };
                consumer.read_on(daybook).await;
                assert!(consumer.offset > 0, "partition {partition} has nothing");
                consumers.push(consumer);
            }
        }
        Self(consumers)
    }

    /// They read on from where they were, and hold what the ledger holds.
    pub(super) async fn have_seen_everything(self, daybook: &Daybook) {
        for mut consumer in self.0 {
            let before = consumer.events.clone();
            consumer.read_on(daybook).await;
            let ledger = daybook.book.event_ids(consumer.partition).await;
            assert_eq!(consumer.events, ledger, "partition {}", consumer.partition);
            assert_eq!(consumer.incarnation, 2);
            assert!(!ledger.starts_with(&before), "nothing was lost, so nothing is tested");
        }
    }
}

impl Consumer {
    async fn read_on(&mut self, daybook: &Daybook) {
        let Book::Kafka(_, topic) = &*daybook.book else { panic!("it has a topic") };
        for record in topic.records(self.partition).await.into_iter().skip(self.offset) {
            self.offset += 1;
            self.read(&record);
        }
    }

    fn read(&mut self, record: &TopicRecord) {
        let Published { recorded, incarnation, .. } = Published::read(record).unwrap();
        if incarnation < self.incarnation {
            return;
        }
        if incarnation > self.incarnation {
            self.incarnation = incarnation;
            self.events.truncate(begun_after(record));
        }
        let known = self.events.len() as u64;
        if recorded.position <= known {
            let index = usize::try_from(recorded.position).unwrap() - 1;
            assert_eq!(self.events[index], recorded.event_id, "a repeat is the same event");
            return;
        }
        assert_eq!(recorded.position, known + 1, "a gap in partition {}", self.partition);
        self.events.push(recorded.event_id);
    }
}

fn begun_after(record: &TopicRecord) -> usize {
    let found = record.headers.iter().find(|(name, _)| name == header::BEGUN_AFTER);
    let value = found.and_then(|(_, value)| value.clone()).expect("it says where it began");
    String::from_utf8(value).unwrap().parse().unwrap()
}
