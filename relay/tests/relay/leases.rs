//! Partitions that come and go.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;
use daybook_engine::ids::Partition;
use daybook_engine::lease::HeldPartitions;
use tokio::sync::watch;

use super::stage::{Stage, p};

fn held(numbers: &[u16]) -> Arc<[Partition]> {
    numbers.iter().copied().map(Partition::new).collect()
}

#[tokio::test(start_paused = true)]
async fn only_held_partitions_are_published() {
    let mut stage = Stage::new(1, Behaviour::default());
    stage.book.grow(200).await;
    let (lease, partitions) = watch::channel(held(&[0, 2]));
    let running = stage.start_on(HeldPartitions::from(partitions));
    let head = stage.book.head(p(0)).await + stage.book.head(p(2)).await;
    stage.broker.holds(usize::try_from(head).unwrap()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.broker.records(p(1)), []);
    assert_eq!(stage.broker.records(p(3)), []);
    lease.send_replace(held(&[1, 3]));
    stage.published().await;
    stage.assert_topic_is_whole().await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn partitions_that_change_hands_all_the_time_are_published_whole() {
    for seed in 0..20_u64 {
        let mut stage = Stage::new(seed, Behaviour { fail_bps: 20, ..Behaviour::default() });
        let (one, first) = watch::channel(held(&[0, 1]));
        let (other, second) = watch::channel(held(&[2, 3]));
        let running = [stage.start_on(first.into()), stage.start_on(second.into())];
        for round in 0..12 {
            stage.book.grow(30).await;
            let (here, there): (&[u16], &[u16]) = match (round + seed) % 4 {
                0 => (&[0, 1, 2, 3], &[]),
                1 => (&[1], &[0, 2, 3]),
                2 => (&[], &[0, 1, 2, 3]),
                _ => (&[0, 3], &[1, 2]),
            };
            one.send_replace(held(here));
            other.send_replace(held(there));
            tokio::time::sleep(Duration::from_millis(seed * 37 % 500)).await;
        }
        stage.published().await;
        stage.assert_topic_is_whole().await;
        for running in running {
            running.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_let_go_is_saved_up_to_what_was_acknowledged() {
    let mut stage = Stage::new(3, Behaviour::default());
    stage.book.grow(400).await;
    let (lease, partitions) = watch::channel(held(&[0, 1, 2, 3]));
    let running = stage.start_on(partitions.into());
    stage.broker.holds(100).await;
    lease.send_replace(held(&[]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    for number in 0..4 {
        let records = stage.broker.records(p(number)).len() as u64;
        assert_eq!(stage.cursor(p(number)).await.published.position, records);
    }
    running.stop().await;
}
