//! The views fed from the topic: whatever stands in it, they are what the ledger says.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::broker::memory::{Behaviour, MemoryBroker, in_topic};
use daybook_engine::broker::topic::TopicSettings;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, LedgerId, Partition};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Incarnations, Ledger, LedgerIdentity, Recorded};
use daybook_engine::record::{RecordWriter, TopicRecord, header};
use daybook_projections::feed::topic::{Patience, TopicFeedMetrics};
use daybook_projections::feed::{Feed, TopicFeed, Wanted};
use daybook_projections::{Outcome, Pace, Projector, View, ViewError};
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::book::{Book, PARTITIONS};
use crate::history::History;
use crate::projecting::{busiest, undisturbed};
use crate::tables::{Desk, Store, clock};

const PATIENCE: Patience = Patience {
    poll: Duration::from_millis(5),
    refill_after: Duration::from_millis(60),
    reopen_after: Duration::from_secs(2),
    dead_letters: Duration::from_secs(1),
};

/// A topic, and the ledger that it was published from.
pub(crate) struct Published {
    broker: MemoryBroker,
    book: Arc<Book>,
}

fn record_of(identity: &LedgerIdentity, event: &Recorded) -> TopicRecord {
    in_topic(&RecordWriter::new(identity, &Incarnations::default()).write(event))
}

impl Published {
    fn nothing_of(events: &[Recorded]) -> Self {
        let broker = MemoryBroker::new("t".parse().unwrap(), 7, Behaviour::default());
        broker.put_topic(PARTITIONS);
        Self { broker, book: Arc::new(Book::of(events)) }
    }

    pub(crate) fn all_of(events: &[Recorded]) -> Self {
        let published = Self::nothing_of(events);
        published.publish(events);
        published
    }

    fn publish(&self, events: &[Recorded]) {
        for partition in Partition::all(PARTITIONS) {
            let own = events.iter().filter(|event| event.partition == partition);
            let record = |event| record_of(&self.book.identity(), event);
            self.broker.tamper(partition, |records| records.extend(own.map(record)));
        }
    }

    pub(crate) fn projector(&self, desk: &Desk) -> (Projector, TopicFeedMetrics) {
        let (broker, settings) = (Arc::new(self.broker.clone()), TopicSettings::default());
        let feed = TopicFeed::new(self.book.clone(), broker, settings, PATIENCE);
        let (metrics, all) = (feed.metrics(), HeldPartitions::all(PARTITIONS));
        let (views, pace) = (desk.views.clone(), Pace::default());
        let projector =
            Projector::new(self.book.clone(), Arc::new(feed), views, pace, all, clock());
        (projector, metrics)
    }

    async fn is_caught_up(&self, desk: &Desk) -> bool {
        let heads = self.book.heads().await.unwrap();
        let cursors = desk.views.cursors().await.unwrap();
        let at_head = |view: View| {
            cursors.iter().zip(&heads).all(|((_, c), head)| c.of(view).position == head.position)
        };
        View::ALL.into_iter().all(at_head)
    }

    /// Projects until the views have all that the ledger has.
    async fn catch_up(&self, desk: &Desk) -> TopicFeedMetrics {
        let (mut projector, metrics) = self.projector(desk);
        let give_up = Instant::now() + Duration::from_secs(60);
        while !self.is_caught_up(desk).await {
            projector.project_once().await.unwrap();
            assert!(
                Instant::now() < give_up,
                "the views stand at {:?}",
                desk.views.cursors().await
            );
        }
        metrics
    }

    /// The causes of the dead letters, with the offsets they come from.
    fn dead_letters(&self) -> Vec<(String, String)> {
        let text = |headers: &[(String, Option<Vec<u8>>)], name: &str| {
            let (_, value) = headers.iter().rfind(|(known, _)| known == name).unwrap();
            String::from_utf8(value.clone().unwrap()).unwrap()
        };
        let letters = self.broker.dead_letters();
        letters
            .iter()
            .map(|letter| {
                assert_eq!(text(&letter.headers, header::ORIGIN_TOPIC), "t");
                let origin = [header::ORIGIN_PARTITION, header::ORIGIN_OFFSET];
                let origin = origin.map(|name| text(&letter.headers, name)).join(":");
                (text(&letter.headers, header::CAUSE), origin)
            })
            .collect()
    }
}

pub(crate) fn counted(metrics: &TopicFeedMetrics, name: &str) -> u64 {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let line = format!("views_topic_{name}_total ");
    text.lines().find_map(|l| l.strip_prefix(&line)).unwrap().parse().unwrap()
}

/// All rows but the cursors, which also say how far the topic was read.
pub(crate) fn rows(dump: Vec<String>) -> Vec<String> {
    dump.into_iter().filter(|row| !row.starts_with("view_cursor")).collect()
}

async fn assert_undisturbed(store: Store, desk: &Desk, history: &History) {
    assert_eq!(rows(desk.dump().await), rows(undisturbed(store, history).await));
}

pub(crate) async fn views_from_the_topic_are_those_from_the_ledger(store: Store) {
    let history = History::of_refunded(30);
    let published = Published::all_of(&history.recorded);
    let desk = Desk::open(store).await;
    let metrics = published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    assert_eq!(counted(&metrics, "records"), history.recorded.len() as u64);
    assert_eq!(counted(&metrics, "refilled"), 0, "nothing had to be read from the ledger");
}

pub(crate) async fn an_event_of_an_older_version_is_published_as_it_stands_and_folded_as_today_s(
    store: Store,
) {
    let history = History::of_refunded(30);
    let older = history.as_an_older_build_wrote_it();
    assert_ne!(older, history.recorded);
    let published = Published::all_of(&older);
    for event in &older {
        let record = record_of(&published.book.identity(), event);
        assert_eq!(record.value.as_deref(), Some(event.data.as_bytes()));
    }
    let desk = Desk::open(store).await;
    let metrics = published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    assert_eq!(counted(&metrics, "records"), older.len() as u64);
    assert_eq!(counted(&metrics, "refilled"), 0, "the ledger's digests are of the same bytes");
}

pub(crate) async fn reading_goes_on_at_the_offset_that_stands_with_the_cursors(store: Store) {
    let history = History::of_refunded(20);
    let (first, second) = history.recorded.split_at(70);
    let published = Published::all_of(first);
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    published.book.add(second);
    published.publish(second);
    let desk = desk.reopen().await;
    let metrics = published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    assert_eq!(counted(&metrics, "records"), second.len() as u64, "each record is read once");
    assert_eq!(counted(&metrics, "refilled"), 0);
}

pub(crate) async fn views_that_came_from_the_ledger_go_on_from_the_topic_s_end(store: Store) {
    let history = History::of_refunded(20);
    let (first, second) = history.recorded.split_at(70);
    let published = Published::all_of(first);
    let desk = Desk::open(store).await;
    desk.catch_up(&published.book).await;
    let (mut projector, metrics) = published.projector(&desk);
    assert_eq!(projector.project_once().await.unwrap(), Outcome::Idle);
    published.book.add(second);
    published.publish(second);
    while !published.is_caught_up(&desk).await {
        projector.project_once().await.unwrap();
    }
    assert_undisturbed(store, &desk, &history).await;
    assert_eq!(counted(&metrics, "records"), second.len() as u64, "what was known is not read");
}

pub(crate) async fn what_is_none_of_the_relay_s_is_put_aside_with_its_cause_and_origin(
    store: Store,
) {
    let history = History::of_refunded(12);
    let published = Published::all_of(&history.recorded);
    let partition = busiest(&history);
    let event = &history.of_partition(partition)[2];
    let identity = published.book.identity();
    let mut foreign = record_of(&identity, event);
    let other = LedgerIdentity { id: LedgerId::from_uuid(Uuid::max()), ..identity };
    let source = record_of(&other, event).headers.into_iter().find(|(n, _)| n == header::SOURCE);
    foreign.headers.retain(|(name, _)| name != header::SOURCE);
    foreign.headers.push(source.unwrap());
    let bare = TopicRecord { headers: Vec::new(), ..record_of(&identity, event) };
    let empty = TopicRecord { key: None, value: None, ..bare.clone() };
    published.broker.tamper(partition, |records| {
        records.insert(0, empty);
        records.insert(3, bare);
        records.push(foreign);
    });
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    let last = history.of_partition(partition).len() + 2;
    let found = published.dead_letters();
    let expected = [("no key", 0), ("no header", 3), ("another ledger", last)];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((cause, origin), (wanted, offset)) in found.iter().zip(expected) {
        assert!(cause.contains(wanted), "{cause}");
        assert_eq!(*origin, format!("{partition}:{offset}"));
    }
}

pub(crate) async fn a_forged_record_never_enters_a_view(store: Store) {
    let history = History::of_refunded(12);
    let partition = busiest(&history);
    let events = history.of_partition(partition);
    let index = events.iter().position(|e| &*e.event_type == "payment.captured").unwrap();
    type Forgery = fn(&mut Recorded);
    let forgeries: [(&str, Forgery); 4] = [
        ("more money", |e| e.data = e.data.replace("1000", "9000").into()),
        ("its own id", |e| e.event_id = EventId::from_uuid(Uuid::max())),
        ("another version", |e| e.version += 1),
        ("another type", |e| e.event_type = "payment.dispute_opened".into()),
    ];
    for (name, forge) in forgeries {
        let mut forged = events[index].clone();
        forge(&mut forged);
        // Before the true one, behind it, and in its place.
        for (at, is_replaced) in [(index, false), (index + 1, false), (index, true)] {
            let published = Published::all_of(&history.recorded);
            let record = record_of(&published.book.identity(), &forged);
            published.broker.tamper(partition, |records| {
                if is_replaced {
                    records.remove(at);
                }
                records.insert(at, record);
            });
            let desk = Desk::open(store).await;
            published.catch_up(&desk).await;
            assert_undisturbed(store, &desk, &history).await;
            let found = published.dead_letters();
            assert_eq!(found.len(), 1, "{name} at {at}: {found:#?}");
            assert!(found[0].0.contains("not the event that the ledger holds"), "{found:?}");
            assert_eq!(found[0].1, format!("{partition}:{at}"));
        }
    }
    // One that the ledger has not come to yet: the next position, by somebody who was faster.
    let published = Published::all_of(&history.recorded);
    let mut ahead = events[index].clone();
    ahead.position = events.len() as u64 + 1;
    let record = record_of(&published.book.identity(), &ahead);
    published.broker.tamper(partition, |records| records.push(record));
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    assert!(published.dead_letters()[0].0.contains("the ledger holds nothing at"));
}

pub(crate) async fn a_record_that_is_gone_repeated_or_out_of_turn_changes_nothing(store: Store) {
    let history = History::of_refunded(12);
    let partition = busiest(&history);
    let tampering: [fn(&mut Vec<TopicRecord>); 5] = [
        |records| drop(records.remove(4)),
        |records| drop(records.remove(0)),
        |records| records.swap(3, 4),
        |records| records.insert(5, records[2].clone()),
        |records| records.extend(records.clone()),
    ];
    for (number, tamper) in tampering.into_iter().enumerate() {
        let published = Published::all_of(&history.recorded);
        published.broker.tamper(partition, tamper);
        let desk = Desk::open(store).await;
        published.catch_up(&desk).await;
        assert_undisturbed(store, &desk, &history).await;
        assert_eq!(published.dead_letters(), Vec::new(), "tampering {number}");
    }
}

/// Of the feed alone, and so of no store.
#[tokio::test(start_paused = true)]
async fn repeats_that_take_longer_to_pass_than_patience_keep_nothing_back() {
    let history = History::of_refunded(12);
    let partition = busiest(&history);
    let events = history.of_partition(partition);
    let (newest, known) = events.split_last().unwrap();
    let published = Published::all_of(&history.recorded);
    published.broker.tamper(partition, |records| {
        let (last, first) = (records.pop().unwrap(), records.clone());
        (0..40).for_each(|_| records.extend(first.clone()));
        records.push(last);
    });
    let (broker, settings) = (Arc::new(published.broker.clone()), TopicSettings::default());
    let feed = TopicFeed::new(published.book.clone(), broker, settings, PATIENCE);
    let (after, head) = (Cursor::at(known.last().unwrap()), newest.position);
    let wanted = [Wanted { partition, after, head, topic_offset: Some(0) }];
    let give_up = Instant::now() + Duration::from_secs(600);
    loop {
        let fed = feed.next(&wanted, 5).await.unwrap();
        if fed.records.iter().any(|event| event.event_id == newest.event_id) {
            return;
        }
        assert!(Instant::now() < give_up, "the feed begins again and again at the same repeats");
        sleep(Duration::from_millis(250)).await;
    }
}

pub(crate) async fn a_lost_tail_is_refilled_from_the_ledger(store: Store) {
    let history = History::of_refunded(12);
    let partition = busiest(&history);
    let published = Published::all_of(&history.recorded);
    published.broker.tamper(partition, |records| records.truncate(records.len() - 3));
    let desk = Desk::open(store).await;
    let metrics = published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    assert_eq!(counted(&metrics, "refilled"), 3);
    // What the relay publishes later after all is known by then.
    let events = history.of_partition(partition);
    published.publish(&events[events.len() - 3..]);
    let (mut projector, metrics) = published.projector(&desk);
    assert_eq!(projector.project_once().await.unwrap(), Outcome::Idle);
    assert_eq!(counted(&metrics, "repeats"), 3);
}

pub(crate) async fn what_retention_dropped_is_refilled_from_the_ledger(store: Store) {
    let history = History::of_refunded(20);
    let partition = busiest(&history);
    let (first, second) = history.recorded.split_at(50);
    let published = Published::all_of(first);
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    published.book.add(second);
    published.publish(second);
    let end = history.of_partition(partition).len() as u64;
    // All but the last one, most of which nobody has read.
    published.broker.delete_before(partition, end - 1);
    published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    assert_undisturbed(store, &desk, &history).await;
}

pub(crate) async fn a_topic_created_again_is_read_from_its_beginning(store: Store) {
    let history = History::of_refunded(20);
    // So few are new that no partition's offsets reach those that were read.
    let (first, second) = history.recorded.split_at(100);
    for is_running in [true, false] {
        let published = Published::all_of(first);
        let desk = Desk::open(store).await;
        let (mut projector, metrics) = published.projector(&desk);
        while !published.is_caught_up(&desk).await {
            projector.project_once().await.unwrap();
        }
        published.broker.delete_topic();
        published.broker.put_topic(PARTITIONS);
        published.book.add(second);
        published.publish(second);
        let before = counted(&metrics, "refilled");
        if is_running {
            while !published.is_caught_up(&desk).await {
                projector.project_once().await.unwrap();
            }
            assert_eq!(counted(&metrics, "refilled"), before, "it was read");
        } else {
            published.catch_up(&desk).await;
        }
        assert_undisturbed(store, &desk, &history).await;
    }
}

pub(crate) async fn an_outage_makes_the_views_wait_and_they_go_on_by_themselves(store: Store) {
    let history = History::of_refunded(20);
    let (first, second) = history.recorded.split_at(60);
    let published = Published::all_of(first);
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    let (projector, _) = published.projector(&desk);
    let mut health = projector.health();
    let (_wake, woken) = tokio::sync::watch::channel(());
    let stop = tokio_util::sync::CancellationToken::new();
    published.broker.stop();
    published.book.add(second);
    let before = desk.dump().await;
    let running = tokio::spawn(projector.run(woken, stop.clone()));
    let says = health.wait_for(|health| health.waiting.is_some());
    let says = tokio::time::timeout(Duration::from_secs(60), says).await.unwrap().unwrap().clone();
    assert!(says.waiting.as_ref().is_some_and(|why| why.contains("broker")), "{says:?}");
    assert_eq!(desk.dump().await, before, "the views stand still");
    published.broker.start();
    published.publish(second);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !published.is_caught_up(&desk).await {
        assert!(Instant::now() < give_up, "the views do not go on");
        sleep(Duration::from_millis(5)).await;
    }
    let goes_on = health.wait_for(|health| health.waiting.is_none());
    tokio::time::timeout(Duration::from_secs(60), goes_on).await.unwrap().unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_undisturbed(store, &desk, &history).await;
}

pub(crate) async fn two_projectors_on_one_topic_apply_every_event_once(store: Store) {
    let history = History::of_refunded(30);
    let (first, second) = history.recorded.split_at(60);
    let published = Published::all_of(first);
    let desk = Desk::open(store).await;
    let (mut one, _) = published.projector(&desk);
    let (mut other, _) = published.projector(&desk);
    for chunk in second.chunks(20) {
        one.project_once().await.unwrap();
        other.project_once().await.unwrap();
        published.book.add(chunk);
        published.publish(chunk);
    }
    while !published.is_caught_up(&desk).await {
        other.project_once().await.unwrap();
        one.project_once().await.unwrap();
    }
    assert_undisturbed(store, &desk, &history).await;
}

pub(crate) async fn another_event_in_the_ledger_at_a_known_position_still_stops_everything(
    store: Store,
) {
    let history = History::of_refunded(6);
    let published = Published::all_of(&history.recorded);
    let desk = Desk::open(store).await;
    published.catch_up(&desk).await;
    let before = desk.dump().await;
    let partition = busiest(&history);
    let head = history.of_partition(partition).len() as u64;
    published.book.change(|events| {
        let at_head = |e: &&mut Recorded| e.partition == partition && e.position == head;
        events.iter_mut().find(at_head).unwrap().event_id = EventId::from_uuid(Uuid::max());
    });
    let (mut projector, _) = published.projector(&desk);
    let error = projector.project_once().await.unwrap_err();
    assert!(matches!(error, ViewError::Diverged(_)), "{error:?}");
    assert_eq!(desk.dump().await, before);
}
