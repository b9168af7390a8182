//! A payment whose event can't be processed is set aside; nothing else is held up, and nothing is lost
//! or counted twice when it is taken up again.

use std::sync::Arc;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::Recorded;
use daybook_projections::projector::PARKED_MAX;
use daybook_projections::views::ParkedPayment;
use daybook_projections::{Outcome, Retried, View, ViewError, retry_parked};

use crate::book::{Book, PARTITIONS};
use crate::history::History;
use crate::projecting::{busiest, undisturbed};
use crate::tables::{Desk, Store, all_views_at};

fn at(book: &Book, partition: Partition, position: u64, change: impl FnOnce(&mut Recorded)) {
    book.change(|events| {
        let is_it = |e: &&mut Recorded| e.partition == partition && e.position == position;
        change(events.iter_mut().find(is_it).unwrap());
    });
}

fn damage(book: &Book, event: &Recorded) {
    at(book, event.partition, event.position, |event| event.data = "{}".into());
}

fn mend(book: &Book, event: &Recorded) {
    at(book, event.partition, event.position, |standing| *standing = event.clone());
}

async fn parked(desk: &Desk) -> Vec<ParkedPayment> {
    desk.views.parked().await.unwrap().iter().cloned().collect()
}

async fn retry(desk: &Desk, book: &Book, event: &Recorded) -> Retried {
    retry_parked(book, desk.views.as_ref(), event.partition, event.payment_id).await.unwrap()
}

/// The history without what a payment did from an event on.
fn without(history: &History, event: &Recorded) -> Vec<Recorded> {
    let is_left_out = |e: &&Recorded| e.payment_id != event.payment_id || e.version < event.version;
    history.recorded.iter().filter(is_left_out).cloned().collect()
}

/// The rows of a payment that the views hold.
async fn rows_of(desk: &Desk, payment_id: PaymentId) -> Vec<String> {
    let id = payment_id.uuid().simple().to_string().to_uppercase();
    let dump = desk.dump().await;
    dump.into_iter().filter(|row| row.contains(&id) && !row.starts_with("parked")).collect()
}

async fn assert_only_this_is_parked(desk: &Desk, book: &Book, history: &History, event: &Recorded) {
    for (partition, cursors) in desk.views.cursors().await.unwrap() {
        let head = history.of_partition(partition).len() as u64;
        assert_eq!(
            all_views_at(&cursors),
            [head; View::ALL.len()],
            "partition {partition} goes on"
        );
    }
    let found = parked(desk).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].payment_id, event.payment_id);
    assert_eq!(found[0].position, event.position);
    assert_eq!(desk.differences(book).await, Vec::<String>::new());
    // Every other payment has its rows, and this one those of what came before.
    let undisturbed = Desk::open(Store::Sqlite).await;
    undisturbed.catch_up(&Arc::new(Book::of(&history.recorded))).await;
    for other in &history.recorded {
        if other.payment_id != event.payment_id && desk.is(Store::Sqlite) {
            let expected = rows_of(&undisturbed, other.payment_id).await;
            assert_eq!(rows_of(desk, other.payment_id).await, expected);
        }
    }
}

pub(crate) async fn a_damaged_event_parks_its_payment_and_the_others_go_on(store: Store) {
    let history = History::of_refunded(12);
    let events = history.of_partition(busiest(&history));
    // One in the middle, and the last one, on which the cursors then stand.
    for event in [&events[4], events.last().unwrap()] {
        let book = Arc::new(Book::of(&history.recorded));
        damage(&book, event);
        let desk = Desk::open(store).await;
        let mut projector = desk.projector(&book);
        let health = projector.health();
        while projector.project_once().await.unwrap() != Outcome::Idle {}
        assert_only_this_is_parked(&desk, &book, &history, event).await;
        let cause = &parked(&desk).await[0].cause;
        assert!(cause.contains("is damaged"), "{cause}");
        assert_eq!((health.borrow().parked, health.borrow().partitions.len()), (1, 0));
    }
}

pub(crate) async fn an_event_that_does_not_fit_parks_its_payment(store: Store) {
    let history = History::of_refunded(12);
    let event = &history.of_partition(busiest(&history))[7];
    let book = Arc::new(Book::of(&history.recorded));
    at(&book, event.partition, event.position, |event| event.version += 1);
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let found = parked(&desk).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].payment_id, found[0].position), (event.payment_id, event.position));
    assert!(found[0].cause.contains("and the view has version"), "{}", found[0].cause);
    let cursors = desk.views.cursors().await.unwrap();
    let head = history.of_partition(event.partition).len() as u64;
    assert!(
        cursors
            .iter()
            .any(|(p, c)| *p == event.partition && all_views_at(c) == [head; View::ALL.len()])
    );
}

pub(crate) async fn an_event_that_the_rows_refuse_is_found_and_parks_its_payment(store: Store) {
    let history = History::of_refunded(12);
    let is_request = |event: &&Recorded| &*event.event_type == "payment.capture_requested";
    let event = history.recorded.iter().rfind(is_request).unwrap();
    let is_elsewhere = |other: &&Recorded| other.partition != event.partition;
    let other = history.recorded.iter().filter(is_request).find(is_elsewhere).unwrap();
    let operation = |event: &Recorded| {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        data["operationId"].as_str().unwrap().to_owned()
    };
    let desk = Desk::open(store).await;
    let index = history.recorded.iter().position(|known| known == event).unwrap();
    let book = Arc::new(Book::of(&history.recorded[..index - 20]));
    desk.catch_up(&book).await;
    book.add(&history.recorded[index - 20..]);
    // It says that it begins the other payment's capture, which the operations' index refuses.
    let (own, foreign) = (operation(event), operation(other));
    let change = |e: &mut Recorded| e.data = e.data.replace(&own, &foreign).into();
    at(&book, event.partition, event.position, change);
    desk.catch_up(&book).await;
    let found = parked(&desk).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].payment_id, found[0].position), (event.payment_id, event.position));
    assert!(found[0].cause.contains("the operations view"), "{}", found[0].cause);
    for (partition, cursors) in desk.views.cursors().await.unwrap() {
        let head = history.of_partition(partition).len() as u64;
        assert_eq!(
            all_views_at(&cursors),
            [head; View::ALL.len()],
            "partition {partition} goes on"
        );
    }
}

pub(crate) async fn several_payments_of_one_batch_are_parked_together(store: Store) {
    let history = History::of_refunded(20);
    let book = Arc::new(Book::of(&history.recorded));
    // A second version of four payments, each without its first.
    let second = |event: &&Recorded| event.version == 2;
    let events: Vec<Recorded> = history.recorded.iter().filter(second).take(4).cloned().collect();
    for event in &events {
        at(&book, event.partition, event.position, |event| event.version = 3);
    }
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let mut found: Vec<_> = parked(&desk).await.iter().map(|p| p.payment_id).collect();
    let mut expected: Vec<_> = events.iter().map(|event| event.payment_id).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

pub(crate) async fn what_is_parked_stays_so_until_it_is_mended(store: Store) {
    let history = History::of_refunded(6);
    let event = &history.of_partition(busiest(&history))[3];
    let book = Arc::new(Book::of(&history.recorded));
    damage(&book, event);
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let before = desk.dump().await;
    match retry(&desk, &book, event).await {
        Retried::StillParked(cause) => assert!(cause.contains("is damaged"), "{cause}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(desk.dump().await, before, "an attempt in vain changes nothing");
    // Mended in the wrong way: it can be read, and says what does not follow.
    let first = history.recorded.iter().find(|e| e.payment_id == event.payment_id).unwrap();
    at(&book, event.partition, event.position, |standing| {
        standing.data = first.data.clone();
        standing.version += 7;
    });
    assert!(matches!(retry(&desk, &book, event).await, Retried::StillParked(_)));
    assert_eq!(desk.dump().await, before, "nor does another");
    let other = history.recorded.iter().find(|e| e.payment_id != event.payment_id).unwrap();
    assert_eq!(retry(&desk, &book, other).await, Retried::NotParked);
}

pub(crate) async fn a_payment_taken_up_again_is_counted_once(store: Store) {
    let history = History::of_refunded(12);
    let expected = undisturbed(store, &history).await;
    let events = history.of_partition(busiest(&history));
    for seen in [events.len() / 2, events.len()] {
        for event in [&events[2], &events[4]] {
            let is_seen =
                |e: &&Recorded| e.partition != event.partition || e.position <= seen as u64;
            let seen: Vec<Recorded> = history.recorded.iter().filter(is_seen).cloned().collect();
            let book = Arc::new(Book::of(&seen));
            damage(&book, event);
            let desk = Desk::open(store).await;
            desk.catch_up(&book).await;
            mend(&book, event);
            assert_eq!(retry(&desk, &book, event).await, Retried::Unparked);
            assert_eq!(parked(&desk).await, Vec::new());
            assert_eq!(desk.differences(&book).await, Vec::<String>::new());
            assert_eq!(retry(&desk, &book, event).await, Retried::NotParked);
            // What comes after it is projected like any other payment's.
            let rest: Vec<_> = history.recorded.iter().filter(|e| !is_seen(e)).cloned().collect();
            book.add(&rest);
            desk.catch_up(&book).await;
            assert_eq!(desk.dump().await, expected, "parked at {}", event.position);
        }
    }
}

pub(crate) async fn a_payment_is_taken_up_again_beside_a_running_projector(store: Store) {
    let history = History::of_refunded(40);
    let expected = undisturbed(store, &history).await;
    let event = &history.of_partition(busiest(&history))[1];
    let book = Arc::new(Book::of(&history.recorded[..60]));
    damage(&book, event);
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    assert_eq!(parked(&desk).await.len(), 1);
    mend(&book, event);
    let projecting = async {
        let mut projector = desk.projector(&book);
        for chunk in history.recorded[60..].chunks(3) {
            book.add(chunk);
            projector.project_once().await.unwrap();
        }
        // Once more, where somebody else moved something meanwhile.
        while projector.project_once().await.unwrap() != Outcome::Idle {}
    };
    let retrying = retry(&desk, &book, event);
    let ((), retried) = tokio::join!(projecting, retrying);
    assert_eq!(retried, Retried::Unparked);
    assert_eq!(desk.dump().await, expected);
}

pub(crate) async fn a_view_that_stood_behind_leaves_out_only_what_it_can_t_read(store: Store) {
    let history = History::of_refunded(12);
    let expected = undisturbed(store, &history).await;
    let event = &history.of_partition(busiest(&history))[3];
    let later = history.recorded.iter().rfind(|e| e.payment_id == event.payment_id).unwrap();
    // All but its last event is in every view.
    let before: Vec<_> = without(&history, later)
        .into_iter()
        .filter(|e| e.partition != later.partition || e.position < later.position)
        .collect();
    let book = Arc::new(Book::of(&before));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    desk.damage(
        "DELETE FROM operation;
         UPDATE view_cursor SET position = 0, event_id = NULL WHERE view = 'operations'",
    )
    .await;
    // Only the view that is built again meets the damage.
    damage(&book, event);
    desk.catch_up(&book).await;
    let found = parked(&desk).await;
    assert_eq!((found.len(), found[0].position), (1, event.position), "{found:#?}");
    let rest: Vec<_> = history
        .recorded
        .iter()
        .filter(|e| e.partition == later.partition && e.position >= later.position)
        .cloned()
        .collect();
    book.add(&rest);
    desk.catch_up(&book).await;
    mend(&book, event);
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
    assert_eq!(retry(&desk, &book, event).await, Retried::Unparked);
    assert_eq!(desk.dump().await, expected);
}

pub(crate) async fn a_partition_with_too_many_parked_payments_stands_still(store: Store) {
    let history = History::of_refunded(12);
    let book = Arc::new(Book::of(&history.recorded[..60]));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let rows: Vec<String> = (0..PARKED_MAX)
        .map(|n| format!("SELECT 2, X'{n:032x}', 'refunds', 1, 1, 'told so', (SELECT min(created_at) FROM payment)"))
        .collect();
    let columns = "partition, payment_id, view, from_position, position, cause, parked_at";
    for rows in rows.chunks(100) {
        let statement = format!("INSERT INTO parked ({columns}) {}", rows.join(" UNION ALL "));
        desk.damage(String::leak(statement)).await;
    }
    book.add(&history.recorded[60..]);
    let mut projector = desk.projector(&book);
    let health = projector.health();
    while projector.project_once().await.unwrap() != Outcome::Idle {}
    let standing = health.borrow().partitions.clone();
    assert_eq!(standing.len(), 1, "{standing:?}");
    assert!(standing[0].1.contains("parked retry --all"), "{standing:?}");
    for (partition, cursors) in desk.views.cursors().await.unwrap() {
        let head = history.of_partition(partition).len() as u64;
        let is_standing = partition == Partition::new(2);
        assert_eq!(
            all_views_at(&cursors) == [head; View::ALL.len()],
            !is_standing,
            "partition {partition}"
        );
    }
    assert_eq!(PARTITIONS, 4);
    desk.damage("DELETE FROM parked").await;
    desk.catch_up(&book).await;
    assert_eq!(desk.dump().await, undisturbed(store, &history).await);
}

#[tokio::test]
async fn a_store_that_is_not_there_parks_nothing() {
    use daybook_engine::ledger::StoreError;
    let gone = ViewError::Store(StoreError::Unavailable { store: "views", cause: String::new() });
    assert!(!gone.is_of_an_event());
    let damaged = ViewError::Store(StoreError::Damaged { store: "views", cause: String::new() });
    assert!(!damaged.is_of_an_event());
}
