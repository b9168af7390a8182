//! Whatever goes wrong: no gap, no disorder, no cursor beyond what the topic holds.

use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;

use tokio::time::Instant;

use super::stage::{PARTITIONS, Stage, p, positions};

#[tokio::test(start_paused = true)]
async fn everything_is_published_in_order() {
    let mut stage = Stage::new(1, Behaviour::default());
    stage.book.grow(300).await;
    let running = stage.start();
    stage.published().await;
    stage.book.grow(100).await;
    stage.published().await;
    stage.assert_topic_is_whole().await;
    assert_eq!(running.relay.metrics().published(), stage.book.count().await);
    running.stop().await;
    assert_eq!(stage.broker.producers(), 1, "nothing went wrong");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_relay_has_saved_what_was_acknowledged() {
    let mut stage = Stage::new(2, Behaviour::default());
    stage.book.grow(300).await;
    let running = stage.start();
    stage.broker.holds(150).await;
    running.stop().await;
    for number in 0..PARTITIONS {
        let held = positions(&stage.broker.records(p(number))).last().copied().unwrap_or(0);
        assert_eq!(stage.cursor(p(number)).await.published.position, held, "partition {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_is_resumed_at_the_failed_record() {
    let mut stage = Stage::new(3, Behaviour::default());
    stage.broker.fail(p(2), 17);
    stage.book.grow(300).await;
    let started = Instant::now();
    let running = stage.start();
    stage.published().await;
    assert!(started.elapsed() < Duration::from_secs(3), "at once: {:?}", started.elapsed());
    stage.assert_topic_is_whole().await;
    running.stop().await;
    assert_eq!(stage.broker.producers(), 2, "the producer was rebuilt");
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_repeats_records_and_loses_none() {
    let mut stage = Stage::new(4, Behaviour::default());
    stage.broker.lose_answer(p(1), 9);
    stage.book.grow(300).await;
    let running = stage.start();
    stage.published().await;
    stage.assert_topic_is_whole().await;
    let ninth = positions(&stage.broker.records(p(1))).iter().filter(|n| **n == 9).count();
    assert_eq!(ninth, 2, "it was written, and written again");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_relay_goes_on_from_its_cursors() {
    for seed in 0..20 {
        let mut stage = Stage::new(seed, Behaviour { late_bps: 5_000, ..Behaviour::default() });
        stage.book.grow(400).await;
        for part in 1..=5 {
            let running = stage.start();
            stage.broker.holds(part * 100).await;
            running.kill().await;
        }
        let running = stage.start();
        stage.published().await;
        stage.assert_topic_is_whole().await;
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn cursors_that_can_not_be_saved_keep_nothing_from_being_published() {
    let mut stage = Stage::new(5, Behaviour::default());
    *stage.cursors.failing.lock().unwrap() = vec![false, true, false, true, true, false];
    stage.book.grow(300).await;
    let running = stage.start();
    stage.published().await;
    stage.book.grow(100).await;
    stage.published().await;
    stage.assert_topic_is_whole().await;
    let records: usize = (0..PARTITIONS).map(|n| stage.broker.records(p(n)).len()).sum();
    assert_eq!(
        records as u64,
        stage.book.count().await,
        "a save whose answer is lost costs nothing"
    );
    running.stop().await;
}

/// Everything that can go wrong does, at random, while the ledger grows.
#[tokio::test(start_paused = true)]
async fn failures_at_every_step_leave_no_gap_and_no_disorder() {
    let mut rebuilt = 0;
    for seed in 0..150 {
        let behaviour = Behaviour {
            latency: Duration::ZERO..=Duration::from_millis(40),
            fail_bps: 40,
            lose_bps: 40,
            repeat_bps: 100,
            full_bps: 500,
            late_bps: 5_000,
            queue_max: 60,
            ..Behaviour::default()
        };
        let mut stage = Stage::new(seed, behaviour);
        *stage.cursors.failing.lock().unwrap() = (0..12).map(|n| (n + seed) % 3 == 0).collect();
        let running = stage.start();
        for round in 0..6 {
            stage.book.grow(60).await;
            tokio::time::sleep(Duration::from_millis(seed * 13 % 700)).await;
            if round % 3 == seed % 3 {
                stage.broker.stop();
                tokio::time::sleep(Duration::from_millis(seed * 101 % 9_000)).await;
                stage.broker.start();
            }
        }
        stage.published().await;
        stage.assert_topic_is_whole().await;
        running.stop().await;
        rebuilt += stage.broker.producers() - 1;
    }
    assert!(rebuilt > 150, "the seeds make something fail: {rebuilt}");
}

#[tokio::test(start_paused = true)]
async fn two_relays_at_once_do_no_harm() {
    for seed in 0..30 {
        let behaviour = Behaviour { fail_bps: 30, late_bps: 5_000, ..Behaviour::default() };
        let mut stage = Stage::new(seed, behaviour);
        let (first, second) = (stage.start(), stage.start());
        for _ in 0..5 {
            stage.book.grow(60).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        stage.published().await;
        stage.assert_topic_is_whole().await;
        first.stop().await;
        second.stop().await;
    }
}
