//! Setting cursors back.

use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;
use daybook_relay::rewind::{RewindError, RewindTo, rewind};

use super::stage::{PARTITIONS, Stage, p, positions, topic};

async fn rewound(stage: &Stage, to: &str) -> Result<Vec<(u16, u64)>, RewindError> {
    let to: RewindTo = to.parse().expect("a target");
    let rewound = rewind(&*stage.book.ledger, &*stage.cursors, &topic(), to).await?;
    Ok(rewound.into_iter().map(|one| (one.partition.number(), one.to)).collect())
}

async fn published_stage(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, Behaviour::default());
    stage.book.grow(200).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_running_relay_publishes_again_from_there() {
    let mut stage = published_stage(1).await;
    let running = stage.start();
    stage.book.grow(50).await;
    stage.published().await;
    let before = stage.broker.records(p(1)).len();
    assert_eq!(rewound(&stage, "1:40").await.unwrap(), [(1, 40)]);
    stage.published().await;
    let again = positions(&stage.broker.records(p(1)))[before..].to_vec();
    let expected: Vec<_> = (41..=stage.book.head(p(1)).await).collect();
    assert_eq!(again, expected, "without a new event to wake it");
    stage.assert_topic_is_whole().await;
    running.stop().await;
    assert!(stage.verify().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_publishing_goes_back_too() {
    for seed in 0..20 {
        let mut stage = published_stage(seed).await;
        let latency = Duration::from_millis(100)..=Duration::from_millis(400);
        stage.broker.behave(Behaviour { latency, ..Behaviour::default() });
        let running = stage.start();
        for _ in 0..10 {
            stage.book.grow(10).await;
            tokio::time::sleep(Duration::from_millis(90 + seed)).await;
        }
        let before = stage.broker.records(p(1)).len();
        rewound(&stage, "1:10").await.unwrap();
        stage.published().await;
        let again = positions(&stage.broker.records(p(1)))[before..].to_vec();
        assert!((11..=40).all(|position| again.contains(&position)), "{again:?}");
        assert_eq!(stage.broker.producers(), 2, "it costs no producer, in seed {seed}");
        stage.assert_topic_is_whole().await;
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_partition_goes_back_to_a_position() {
    let stage = published_stage(2).await;
    let expected: Vec<_> = (0..PARTITIONS).map(|number| (number, 0)).collect();
    assert_eq!(rewound(&stage, "0").await.unwrap(), expected);
    let records = stage.broker.records(p(3)).len();
    let running = stage.start();
    stage.published().await;
    assert_eq!(stage.broker.records(p(3)).len(), records * 2);
    running.stop().await;
    assert!(stage.verify().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_time_is_the_first_event_recorded_then() {
    let stage = published_stage(3).await;
    let time = stage.book.events(p(2)).await[29].recorded_at;
    let found = rewound(&stage, &time.to_string()).await.unwrap();
    assert_eq!(found.len(), usize::from(PARTITIONS));
    for (number, to) in found {
        let events = stage.book.events(p(number)).await;
        let expected = events.iter().take_while(|event| event.recorded_at < time).count();
        assert_eq!(to, expected as u64, "partition {number}");
        let cursor = stage.cursor(p(number)).await;
        assert_eq!(cursor.published.event_id, Some(events[expected - 1].event_id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_never_goes_forward() {
    let stage = published_stage(4).await;
    assert!(matches!(rewound(&stage, "1:999").await, Err(RewindError::Forward { .. })));
    assert!(matches!(rewound(&stage, "999").await, Err(RewindError::Nothing)));
    assert!(matches!(rewound(&stage, "9999-01-01T00:00:00Z").await, Err(RewindError::Nothing)));
    assert!(matches!(rewound(&stage, "4:1").await, Err(RewindError::NoPartition { .. })));
    stage.published().await;
}
