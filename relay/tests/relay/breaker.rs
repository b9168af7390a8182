//! The breaker between the relay and a broker that goes away.

use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;
use daybook_relay::breaker::BreakerState::{self, Closed, HalfOpen, Open};
use tokio::time::Instant;

use super::stage::{Running, Stage};

/// Writes down each state from now on, until told to stop.
fn states(running: &Running) -> tokio::task::JoinHandle<Vec<BreakerState>> {
    let mut health = running.relay.health();
    let mut states = vec![health.borrow_and_update().breaker];
    tokio::spawn(async move {
        while health.changed().await.is_ok() {
            let health = health.borrow_and_update();
            if states.last() != Some(&health.breaker) {
                states.push(health.breaker);
            }
            if health.stopped.is_some() || (health.breaker == Closed && states.len() > 1) {
                break;
            }
        }
        states
    })
}

#[tokio::test(start_paused = true)]
async fn an_outage_opens_it_and_probes_close_it() {
    let mut stage = Stage::new(1, Behaviour::default());
    stage.book.grow(50).await;
    let running = stage.start();
    stage.published().await;
    let states = states(&running);
    stage.broker.stop();
    stage.book.grow(200).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let health = running.health();
    assert_ne!(health.breaker, Closed, "{health:?}");
    assert!(health.cause.is_some_and(|cause| cause.contains("reached")), "the cause is told");
    assert!(health.outbox.events >= 200, "the outbox grows: {:?}", health.outbox);
    stage.broker.start();
    let started = Instant::now();
    stage.published().await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it is back soon: {:?}",
        started.elapsed()
    );
    let states = states.await.expect("they are written down");
    assert_eq!(states[..3], [Closed, Open, HalfOpen], "{states:?}");
    assert_eq!(states.last(), Some(&Closed), "{states:?}");
    for pair in states[1..states.len() - 1].windows(2) {
        assert_ne!(pair[1], Closed, "nothing closes it while the broker is gone: {states:?}");
    }
    stage.assert_topic_is_whole().await;
    let health = running.is(|health| health.outbox.events == 0).await;
    assert_eq!((health.breaker, health.cause), (Closed, None));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_gone_is_noticed_while_nothing_is_published() {
    let mut stage = Stage::new(2, Behaviour::default());
    stage.book.grow(50).await;
    let running = stage.start();
    stage.published().await;
    stage.broker.stop();
    stage.book.grow(1).await;
    running.is(|health| health.breaker == Open).await;
    stage.broker.start();
    running.is(|health| health.breaker == Closed).await;
    stage.published().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_starts_without_a_broker_waits_for_one() {
    let mut stage = Stage::new(3, Behaviour::default());
    stage.broker.stop();
    stage.book.grow(50).await;
    let running = stage.start();
    running.is(|health| health.breaker == Open).await;
    stage.broker.start();
    stage.published().await;
    stage.assert_topic_is_whole().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_breaker_lets_only_a_small_batch_through() {
    let mut stage = Stage::new(4, Behaviour::default());
    stage.book.grow(400).await;
    stage.broker.stop();
    let running = stage.start();
    running.is(|health| health.breaker == Open).await;
    // It answers questions, and takes no record.
    stage.broker.behave(Behaviour {
        latency: Duration::from_secs(3)..=Duration::from_secs(3),
        ..Behaviour::default()
    });
    stage.broker.start();
    running.is(|health| health.breaker == HalfOpen).await;
    running.is(|health| health.breaker == Closed).await;
    let held: usize = (0..4).map(|n| stage.broker.records(super::stage::p(n)).len()).sum();
    assert!(held <= 40, "{held} records were let through before one was acknowledged");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_not_kept_waiting_by_an_open_breaker() {
    let stage = Stage::new(5, Behaviour::default());
    stage.broker.stop();
    let running = stage.start();
    running.is(|health| health.breaker == Open).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}
