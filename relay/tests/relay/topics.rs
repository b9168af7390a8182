//! Topics that are missing, unusable, or not the one that was published to; ledgers too.

use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;
use daybook_engine::ledger::Ledger;
use daybook_relay::RelayError;
use daybook_relay::breaker::BreakerState::{Closed, Open};
use daybook_relay::cursors::{CursorMove, RelayCursor, RelayCursors};

use super::stage::{PARTITIONS, Stage, p, positions, topic};

#[tokio::test(start_paused = true)]
async fn a_missing_topic_is_created_with_the_ledgers_partitions() {
    let mut stage = Stage::new(1, Behaviour::default());
    stage.book.grow(10).await;
    let running = stage.start();
    stage.published().await;
    stage.assert_topic_is_whole().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_with_other_partitions_is_refused_until_it_is_mended() {
    let mut stage = Stage::new(2, Behaviour::default());
    stage.broker.put_topic(PARTITIONS + 1);
    stage.book.grow(10).await;
    let running = stage.start();
    let health = running.is(|health| health.breaker == Open).await;
    assert!(health.cause.unwrap().contains("5 partitions and the ledger 4"));
    assert_eq!(stage.broker.records(p(0)), []);
    stage.broker.delete_topic();
    running.is(|health| health.breaker == Closed).await;
    stage.published().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_deleted_under_way_is_created_anew_and_goes_on_from_the_cursor() {
    let mut stage = Stage::new(3, Behaviour::default());
    stage.book.grow(200).await;
    let running = stage.start();
    stage.published().await;
    let before = stage.cursor(p(1)).await.published.position;
    for number in 0..PARTITIONS {
        let at = stage.cursor(p(number)).await.published.position;
        stage.cursors.forgiven.lock().unwrap().insert(p(number), at);
    }
    stage.broker.delete_topic();
    stage.book.grow(100).await;
    stage.published().await;
    let positions = positions(&stage.broker.records(p(1)));
    assert_eq!(positions.first(), Some(&(before + 1)));
    let health = running.is(|health| health.begun_after.len() == 4).await;
    assert_eq!(health.begun_after[&p(1)], before);
    assert_eq!(stage.cursor(p(1)).await.begun_after, before);
    running.stop().await;
    let report = stage.verify().await;
    assert_eq!(report.differences, [], "what went with the old topic is no difference");
    assert_eq!(report.notes.len(), 4);
    // The next process says it too.
    let running = stage.start();
    running.is(|health| health.begun_after.get(&p(1)) == Some(&before)).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_created_anew_while_no_relay_ran_is_noticed_at_the_start() {
    let mut stage = Stage::new(4, Behaviour::default());
    stage.book.grow(200).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    let before = stage.cursor(p(2)).await;
    stage.broker.put_topic(PARTITIONS);
    let running = stage.start();
    let health = running.is(|health| health.begun_after.len() == 4).await;
    assert_eq!(health.begun_after[&p(2)], before.published.position);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = stage.cursor(p(2)).await;
    let expected = RelayCursor { begun_after: before.published.position, offset: None, ..before };
    assert_eq!(after, expected, "it is remembered at once");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_whose_old_records_were_deleted_is_the_same_topic() {
    let mut stage = Stage::new(5, Behaviour::default());
    stage.book.grow(200).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    for number in 0..PARTITIONS {
        let end = stage.broker.records(p(number)).len() as u64;
        stage.broker.delete_before(p(number), end);
    }
    let running = stage.start();
    stage.book.grow(100).await;
    stage.published().await;
    assert_eq!(running.health().begun_after.len(), 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_ledger_stops_the_relay_for_good() {
    let mut stage = Stage::new(6, Behaviour::default());
    stage.book.grow(100).await;
    let mut event = stage.book.events(p(0)).await.swap_remove(4);
    event.event_id = "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77".parse().unwrap();
    move_cursor(&stage, &event).await;
    let running = stage.start();
    let health = running.is(|health| health.stopped.is_some()).await;
    assert!(health.stopped.unwrap().contains("LEDGER_DIVERGED"));
    let ended = running.ended().await;
    assert!(matches!(ended, Err(RelayError::Diverged(_))), "{ended:?}");
    assert_eq!(stage.broker.records(p(0)), [], "nothing was published");
}

#[tokio::test(start_paused = true)]
async fn another_event_at_the_cursor_is_noticed_where_nothing_follows_it() {
    let mut stage = Stage::new(8, Behaviour::default());
    stage.book.grow(100).await;
    let mut event = stage.book.events(p(0)).await.pop().expect("an event");
    event.event_id = "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77".parse().unwrap();
    move_cursor(&stage, &event).await;
    let ended = stage.start().ended().await;
    assert!(matches!(ended, Err(RelayError::Diverged(_))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_ends_before_the_cursor_stops_the_relay_for_good() {
    let mut stage = Stage::new(7, Behaviour::default());
    stage.book.grow(100).await;
    let mut event = stage.book.events(p(0)).await.swap_remove(4);
    event.position = 1_000_000;
    move_cursor(&stage, &event).await;
    let ended = stage.start().ended().await;
    assert!(matches!(ended, Err(RelayError::Diverged(_))), "{ended:?}");
}

/// Moves a cursor behind the back of whoever checks it.
async fn move_cursor(stage: &Stage, event: &daybook_engine::ledger::Recorded) {
    let published = daybook_engine::cursor::Cursor::at(event);
    stage.cursors.forgiven.lock().expect("no panic").insert(p(0), u64::MAX - 1);
    let to = RelayCursor { published, ..RelayCursor::default() };
    let change = CursorMove { partition: p(0), from: Default::default(), to };
    assert_eq!(stage.cursors.save(&topic(), &[change]).await.expect("it is saved"), []);
    assert!(stage.book.ledger.heads().await.is_ok());
}
