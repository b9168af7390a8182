//! How many batches are under way at a time.

use tokio::time::timeout;

use crate::stage::{LONG, Stage, authorize};

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
