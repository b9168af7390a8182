//! What the projector does with repeats, gaps, other histories, damage and rivals.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::clock::ManualClock;
use daybook_engine::cursor::Found;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::{Ledger, Recorded, StoreError};
use daybook_projections::feed::{Fed, Feed, LedgerFeed, Wanted};
use daybook_projections::views::refunds;
use daybook_projections::views::{Applied, Batch, ViewCursors};
use daybook_projections::{Outcome, Pace, PageQuery, Projector, View, ViewError, lag};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::book::{Book, PARTITIONS};
use crate::history::History;
use crate::tables::{Desk, Store, Views, all_views_at, apply_from_start, batch, clock};

pub(crate) fn busiest(history: &History) -> Partition {
    let busiest = Partition::all(PARTITIONS).max_by_key(|p| history.of_partition(*p).len());
    busiest.unwrap()
}

/// What the views come to when nothing goes wrong.
pub(crate) async fn undisturbed(store: Store, history: &History) -> Vec<String> {
    let desk = Desk::open(store).await;
    desk.catch_up(&Arc::new(Book::of(&history.recorded))).await;
    desk.dump().await
}

/// A feed that says what it is told to.
struct Told(std::sync::Mutex<Vec<Vec<Recorded>>>);

#[async_trait]
impl Feed for Told {
    async fn next(&self, _: &[Wanted], _: u32) -> Result<Fed, StoreError> {
        let mut told = self.0.lock().unwrap();
        Ok(if told.is_empty() { Fed::default() } else { told.remove(0).into() })
    }
}

/// The ledger as the feed, which remembers what was asked of it.
struct Asked {
    feed: LedgerFeed,
    wanted: std::sync::Mutex<Vec<Vec<Wanted>>>,
}

impl Asked {
    fn times(&self) -> usize {
        self.wanted.lock().unwrap().len()
    }

    fn last(&self) -> Vec<(Partition, u64)> {
        let wanted = self.wanted.lock().unwrap();
        wanted.last().unwrap().iter().map(|one| (one.partition, one.after.position)).collect()
    }
}

#[async_trait]
impl Feed for Asked {
    async fn next(&self, wanted: &[Wanted], limit: u32) -> Result<Fed, StoreError> {
        self.wanted.lock().unwrap().push(wanted.to_vec());
        self.feed.next(wanted, limit).await
    }
}

/// A projector of batches of about `batch_max` events, and what it reads from.
fn in_batches(desk: &Desk, book: &Arc<Book>, batch_max: u32) -> (Projector, Arc<Asked>) {
    let feed = LedgerFeed::new(book.clone());
    let feed = Arc::new(Asked { feed, wanted: std::sync::Mutex::default() });
    let pace = Pace { batch_max, ..Pace::default() };
    let (views, held) = (desk.views.clone(), HeldPartitions::all(PARTITIONS));
    (Projector::new(book.clone(), feed.clone(), views, pace, held, clock()), feed)
}

fn told(desk: &Desk, book: &Arc<Book>, batches: Vec<Vec<Recorded>>) -> Projector {
    let feed = Arc::new(Told(std::sync::Mutex::new(batches)));
    Projector::new(
        book.clone(),
        feed,
        desk.views.clone(),
        Pace::default(),
        HeldPartitions::all(PARTITIONS),
        clock(),
    )
}

pub(crate) async fn a_rival_that_stands_elsewhere_is_refused_and_changes_nothing(store: Store) {
    let history = History::of_refunded(8);
    let events = history.of_partition(busiest(&history));
    let (first, second) = events.split_at(events.len() / 2);
    let desk = Desk::open(store).await;
    let middle = apply_from_start(desk.views.as_ref(), first).await;
    let before = desk.dump().await;

    let zombie = batch(ViewCursors::default(), first);
    assert_eq!(desk.views.apply(&[zombie]).await.unwrap(), Applied::Superseded);
    assert_eq!(desk.dump().await, before, "a projector that stands behind must change nothing");

    let mut other = middle;
    for view in daybook_projections::View::ALL {
        let cursor = middle.of(view);
        let event_id = Some(EventId::from_uuid(Uuid::max()));
        other.set(view, daybook_engine::cursor::Cursor { event_id, ..cursor });
    }
    assert_eq!(desk.views.apply(&[batch(other, second)]).await.unwrap(), Applied::Superseded);
    assert_eq!(desk.dump().await, before, "the event at the cursor is compared too");
}

pub(crate) async fn two_projectors_side_by_side_apply_every_event_once(store: Store) {
    let history = History::of_refunded(30);
    let book = Arc::new(Book::of(&history.recorded[..40]));
    let desk = Desk::open(store).await;
    let (mut one, mut other) = (desk.projector(&book), desk.projector(&book));
    for chunk in history.recorded[40..].chunks(25) {
        one.project_once().await.unwrap();
        other.project_once().await.unwrap();
        book.add(chunk);
    }
    // Whoever was refused reads the cursors anew and goes on.
    for _ in 0..3 {
        other.project_once().await.unwrap();
        one.project_once().await.unwrap();
    }
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

/// A projector of these partitions of four.
fn sharing(desk: &Desk, book: &Arc<Book>, partitions: &[u16]) -> (Projector, Held) {
    let held = partitions.iter().copied().map(Partition::new).collect();
    let (hold, partitions) = watch::channel(held);
    let feed = Arc::new(LedgerFeed::new(book.clone()));
    let (views, held) = (desk.views.clone(), HeldPartitions::from(partitions));
    (Projector::new(book.clone(), feed, views, Pace::default(), held, clock()), hold)
}

type Held = watch::Sender<Arc<[Partition]>>;

pub(crate) async fn projectors_that_share_partitions_apply_every_event_once(store: Store) {
    let history = History::of_refunded(30);
    let book = Arc::new(Book::of(&history.recorded));
    // Apart, and with partitions that two hold for a moment.
    for (of_one, of_other) in [([0, 1], vec![2, 3]), ([0, 1], vec![3, 1, 2])] {
        let desk = Desk::open(store).await;
        let (mut one, _hold_one) = sharing(&desk, &book, &of_one);
        let (mut other, _hold_other) = sharing(&desk, &book, &of_other);
        for _ in 0..10 {
            let (one, other) = tokio::join!(one.project_once(), other.project_once());
            one.unwrap();
            other.unwrap();
        }
        assert_eq!(desk.dump().await, undisturbed(store, &history).await, "{of_other:?}");
        assert_eq!(desk.deadlocks().await, 0);
    }
}

pub(crate) async fn a_projector_takes_over_where_another_has_stopped(store: Store) {
    let history = History::of_refunded(30);
    let book = Arc::new(Book::of(&history.recorded[..60]));
    let desk = Desk::open(store).await;
    let (mut one, hold_one) = sharing(&desk, &book, &[0, 1]);
    let (mut other, hold_other) = sharing(&desk, &book, &[2, 3]);
    for projector in [&mut one, &mut other] {
        while projector.project_once().await.unwrap() != Outcome::Idle {}
    }
    book.add(&history.recorded[60..]);
    // The first goes on once more before the second has all: its cursors are old by then.
    other.project_once().await.unwrap();
    let all: Arc<[Partition]> = Partition::all(PARTITIONS).collect();
    hold_other.send_replace(all);
    while other.project_once().await.unwrap() != Outcome::Idle {}
    assert_eq!(one.project_once().await.unwrap(), Outcome::Idle, "it is superseded");
    hold_one.send_replace(Arc::default());
    assert_eq!(one.project_once().await.unwrap(), Outcome::Idle, "it holds nothing");
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

/// Polls the apply that often and then drops it, wherever it stands; whether it was done.
async fn drop_after_polls(views: &dyn Views, batches: &[Batch], polls: usize) -> bool {
    let mut applying = pin!(views.apply(batches));
    let mut left = polls;
    poll_fn(|context| match (left, applying.as_mut().poll(context)) {
        (_, Poll::Ready(applied)) => Poll::Ready(applied.is_ok()),
        (0, Poll::Pending) => Poll::Ready(false),
        (_, Poll::Pending) => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

pub(crate) async fn an_apply_dropped_at_any_await_leaves_rows_and_cursors_together(store: Store) {
    let history = History::of_refunded(4);
    let events = history.of_partition(busiest(&history));
    let book = Arc::new(Book::of(&history.recorded));
    let expected = undisturbed(store, &history).await;
    for polls in [0, 1, 2, 5, 9, 14, 20, 30, 50, 1_000] {
        let desk = Desk::open(store).await;
        let batches = [batch(ViewCursors::default(), &events)];
        let is_done = drop_after_polls(desk.views.as_ref(), &batches, polls).await;
        if is_done {
            break;
        }
        assert_eq!(desk.differences(&book).await, Vec::<String>::new(), "after {polls} polls");
        desk.catch_up(&book).await;
        assert_eq!(desk.dump().await, expected, "after {polls} polls");
    }
}

pub(crate) async fn a_repeat_is_skipped(store: Store) {
    let history = History::of_refunded(6);
    let book = Arc::new(Book::of(&history.recorded));
    let events = history.of_partition(busiest(&history));
    let desk = Desk::open(store).await;
    let twice = [events.clone(), events.clone()].concat();
    let mut projector = told(&desk, &book, vec![twice, events.clone()]);
    assert_eq!(projector.project_once().await.unwrap(), Outcome::Applied(events.len()));
    assert_eq!(projector.project_once().await.unwrap(), Outcome::Idle);
    desk.catch_up(&book).await;
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

pub(crate) async fn a_gap_in_the_feed_is_refilled_from_the_ledger(store: Store) {
    let history = History::of_refunded(6);
    let book = Arc::new(Book::of(&history.recorded));
    let events = history.of_partition(busiest(&history));
    for missing in [0, 1, events.len() / 2] {
        let mut holey = events.clone();
        holey.remove(missing);
        let desk = Desk::open(store).await;
        let mut projector = told(&desk, &book, vec![holey]);
        let outcome = projector.project_once().await.unwrap();
        assert_eq!(outcome, Outcome::Applied(events.len()), "without event {missing}");
    }
}

pub(crate) async fn a_position_that_the_ledger_lost_stops_its_partition_only(store: Store) {
    let history = History::of_refunded(12);
    let partition = busiest(&history);
    let book = Arc::new(Book::of(&history.recorded));
    book.change(|events| events.retain(|e| e.partition != partition || e.position != 4));
    let desk = Desk::open(store).await;
    let mut projector = desk.projector(&book);
    let health = projector.health();
    while projector.project_once().await.unwrap() != Outcome::Idle {}
    let stopped = health.borrow().partitions.clone();
    assert!(matches!(&stopped[..], [(p, why)] if *p == partition && why.contains("position 4")));
    for (other, cursors) in desk.views.cursors().await.unwrap() {
        let head = history.of_partition(other).len() as u64;
        let expected = if other == partition { 0 } else { head };
        assert_eq!(all_views_at(&cursors), [expected; View::ALL.len()], "partition {other}");
    }
}

pub(crate) async fn another_event_at_a_known_position_stops_everything(store: Store) {
    let history = History::of_refunded(6);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let before = desk.dump().await;
    let partition = busiest(&history);
    let head = history.of_partition(partition).len() as u64;
    let other = EventId::from_uuid(Uuid::max());
    book.change(|events| {
        let at_head = |e: &&mut Recorded| e.partition == partition && e.position == head;
        events.iter_mut().find(at_head).unwrap().event_id = other;
    });
    let error = desk.projector(&book).project_once().await.unwrap_err();
    assert!(error.to_string().contains("LEDGER_DIVERGED"), "{error}");
    match error {
        ViewError::Diverged(diverged) => assert_eq!(diverged.found, Found::Other(other)),
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.dump().await, before);
}

pub(crate) async fn a_ledger_that_ends_before_a_cursor_stops_everything(store: Store) {
    let history = History::of_refunded(6);
    let desk = Desk::open(store).await;
    desk.catch_up(&Arc::new(Book::of(&history.recorded))).await;
    let shorter = &history.recorded[..history.recorded.len() - 1];
    let error = desk.projector(&Arc::new(Book::of(shorter))).project_once().await.unwrap_err();
    assert!(matches!(&error, ViewError::Diverged(d) if d.found == Found::Nothing), "{error:?}");
}

pub(crate) async fn an_event_of_a_later_build_stops_the_projector_and_says_upgrade(store: Store) {
    let history = History::of_refunded(6);
    let partition = busiest(&history);
    let book = Arc::new(Book::of(&history.recorded));
    book.change(|events| {
        let third = |e: &&mut Recorded| e.partition == partition && e.position == 3;
        events.iter_mut().find(third).unwrap().event_type = "payment.dispute_opened".into();
    });
    let desk = Desk::open(store).await;
    let projector = desk.projector(&book);
    let health = projector.health();
    let (_sender, wake) = watch::channel(());
    let error = projector.run(wake, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, ViewError::Unknown { position: 3, .. }), "{error:?}");
    assert!(error.to_string().contains("upgrade"), "{error}");
    assert_eq!(health.borrow().halted, Some(error.to_string()));
    let cursors = desk.views.cursors().await.unwrap();
    let stopped = cursors.iter().find(|(known, _)| *known == partition).unwrap().1;
    assert_eq!(all_views_at(&stopped), [2; View::ALL.len()], "what stands before it is applied");
}

pub(crate) async fn an_event_of_an_older_version_is_folded_as_today_s(store: Store) {
    let history = History::of_refunded(6);
    let older = history.as_an_older_build_wrote_it();
    assert_ne!(older, history.recorded);
    let desk = Desk::open(store).await;
    let book = Arc::new(Book::of(&older));
    desk.catch_up(&book).await;
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
}

pub(crate) async fn a_view_that_stands_behind_the_others_catches_up_alone(store: Store) {
    let history = History::of_refunded(12);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    desk.damage(
        "DELETE FROM refund;
         UPDATE view_cursor SET position = 0, event_id = NULL WHERE view = 'refunds'",
    )
    .await;
    desk.catch_up(&book).await;
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

pub(crate) async fn views_set_back_under_an_idle_projector_are_built_again(store: Store) {
    let history = History::of_refunded(6);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    let mut projector = desk.projector(&book);
    while projector.project_once().await.unwrap() != Outcome::Idle {}
    let before = desk.dump().await;
    desk.damage(
        "DELETE FROM payment; DELETE FROM operation; DELETE FROM refund;
         DELETE FROM settlement; DELETE FROM settlement_line; DELETE FROM balance;
         DELETE FROM posting; DELETE FROM payment_text;
         UPDATE view_cursor SET position = 0, event_id = NULL, topic_offset = NULL",
    )
    .await;
    let built_again = async {
        while projector.project_once().await.unwrap() == Outcome::Idle {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while projector.project_once().await.unwrap() != Outcome::Idle {}
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, built_again)
        .await
        .expect("the ledger is idle, and so were the views");
    assert_eq!(desk.dump().await, before);
}

pub(crate) async fn the_next_batch_is_read_while_a_full_one_is_written(store: Store) {
    let history = History::of_refunded(20);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    let (mut projector, asked) = in_batches(&desk, &book, 40);
    assert!(matches!(projector.project_once().await.unwrap(), Outcome::Applied(_)));
    assert_eq!(asked.times(), 2, "once for the batch, and once ahead");
    let cursors = desk.views.cursors().await.unwrap();
    let reached: Vec<_> = cursors.into_iter().map(|(p, at)| (p, at.lowest().position)).collect();
    assert_eq!(asked.last(), reached, "what is read ahead follows the batch");
    let mut steps = 1;
    while projector.project_once().await.unwrap() != Outcome::Idle {
        steps += 1;
    }
    // The last batch is not full: nothing is read ahead behind it, and the idle step asks once.
    assert_eq!(asked.times(), steps + 1);
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

pub(crate) async fn what_was_read_ahead_is_dropped_where_the_views_were_set_back(store: Store) {
    let history = History::of_refunded(20);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    let (mut projector, _) = in_batches(&desk, &book, 40);
    assert!(matches!(projector.project_once().await.unwrap(), Outcome::Applied(_)));
    desk.damage(
        "DELETE FROM payment; DELETE FROM operation; DELETE FROM refund;
         DELETE FROM settlement; DELETE FROM settlement_line; DELETE FROM balance;
         DELETE FROM posting; DELETE FROM payment_text;
         UPDATE view_cursor SET position = 0, event_id = NULL, topic_offset = NULL",
    )
    .await;
    // The first step meets cursors that it does not expect, and changes nothing.
    assert_eq!(projector.project_once().await.unwrap(), Outcome::Idle);
    while projector.project_once().await.unwrap() != Outcome::Idle {}
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

pub(crate) async fn views_opened_again_go_on_where_they_stood(store: Store) {
    let history = History::of_refunded(20);
    let book = Arc::new(Book::of(&history.recorded[..61]));
    let mut desk = Desk::open(store).await;
    for chunk in history.recorded[61..].chunks(20) {
        desk.catch_up(&book).await;
        book.add(chunk);
        desk = desk.reopen().await;
    }
    desk.catch_up(&book).await;
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

pub(crate) async fn the_run_loop_wakes_up_applies_and_stops(store: Store) {
    let history = History::of_refunded(3);
    let book = Arc::new(Book::default());
    let desk = Desk::open(store).await;
    let pace = Pace { poll: Duration::from_secs(3600), ..Pace::default() };
    let feed = Arc::new(LedgerFeed::new(book.clone()));
    let projector = Projector::new(
        book.clone(),
        feed,
        desk.views.clone(),
        pace,
        HeldPartitions::all(PARTITIONS),
        clock(),
    );
    let (sender, wake) = watch::channel(());
    let stop = CancellationToken::new();
    let running = tokio::spawn(projector.run(wake, stop.clone()));
    book.add(&history.recorded);
    let query = PageQuery::of(&refunds::LIST);
    // Signalled again each time, as a busy writer does: the projector may not have begun to wait.
    let applied = async {
        while desk.views.refunds(&query).await.unwrap().items.len() < 3 {
            sender.send_replace(());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), applied).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

#[tokio::test]
async fn lag_is_the_age_of_the_oldest_event_not_yet_applied() {
    let history = History::of_refunded(6);
    let book = Book::of(&history.recorded);
    let heads = book.heads().await.unwrap();
    let mut positions: Vec<_> = heads.iter().map(|head| (head.partition, head.position)).collect();
    let clock = ManualClock::at(history.now().plus_millis(5_000));
    assert_eq!(lag(&book, clock.as_ref(), &positions).await.unwrap(), Duration::ZERO);
    let last = history.recorded.last().unwrap();
    let own = positions.iter_mut().find(|(partition, _)| *partition == last.partition).unwrap();
    own.1 -= 1;
    // The last event was recorded one millisecond before the history's end.
    let found = lag(&book, clock.as_ref(), &positions).await.unwrap();
    assert_eq!(found, Duration::from_millis(5_001));
    let from_nothing = lag(&book, clock.as_ref(), &[]).await.unwrap();
    let first = history.recorded[0].recorded_at.millis();
    let expected = history.now().millis() + 5_000 - first;
    assert_eq!(from_nothing, Duration::from_millis(expected.unsigned_abs()));
}
