//! How many batches are under way at a time, and how large they grow.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::stage::{LONG, Stage, authorize, until};

const COMMIT: Duration = Duration::from_millis(2);

#[tokio::test(start_paused = true)]
async fn a_batch_far_smaller_than_what_is_under_way_waits_for_more() {
    for under_way in [0, 40] {
        let stage = Stage::new();
        let engine = stage.engine();
        stage.acquirer.hold_calls();
        let mut requests = JoinSet::new();
        let mut ask = |name: String| {
            let engine = engine.clone();
            requests.spawn(async move { engine.authorize(authorize(&name, 1000), LONG).await });
        };
        (0..under_way).for_each(|order| ask(format!("order-{order}")));
        until("every intent", || async { stage.events().await == under_way }).await;
        stage.faulty.block_appends();
        ask("slow".to_owned());
        stage.faulty.appends_waiting(1).await;
        sleep(COMMIT).await;
        stage.faulty.release_appends();
        until("the slow one", || async { stage.events().await == under_way + 1 }).await;
        let before = stage.metrics.commits.get();
        ask("first".to_owned());
        sleep(COMMIT / 2).await;
        ask("second".to_owned());
        until("both", || async { stage.events().await == under_way + 3 }).await;
        let commits = stage.metrics.commits.get() - before;
        assert_eq!(commits, if under_way == 0 { 2 } else { 1 }, "{under_way} under way");
        stage.acquirer.release_calls();
        while let Some(answer) = requests.join_next().await {
            assert!(answer.unwrap().unwrap().is_concluded());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_under_way_beside_another_only_where_the_store_takes_two() {
    for taken in [1, 2] {
        let stage = Stage::new();
        stage.faulty.take_batches(taken);
        let engine = stage.engine();
        stage.faulty.block_appends();
        let ask = |name: &'static str| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.authorize(authorize(name, 1000), 3 * LONG).await })
        };
        let first = ask("order-1");
        stage.faulty.appends_waiting(1).await;
        let second = ask("order-2");
        let has_two = timeout(LONG, stage.faulty.appends_waiting(2)).await.is_ok();
        assert_eq!(has_two, taken == 2, "the store takes {taken}");
        stage.faulty.release_appends();
        for request in [first, second] {
            assert!(request.await.unwrap().unwrap().is_concluded());
        }
        assert_eq!(stage.events().await, 4);
    }
}
