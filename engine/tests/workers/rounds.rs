//! Rounds of work, until nothing is left that is due.

use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::workers::Workers;

use crate::scripted::approval;
use crate::stage::{Stage, amount, capture};

/// More rounds than any of these tests needs.
const ROUNDS_MAX: usize = 200;
/// Calls, outcomes and their folds have all happened after so many rounds with nothing new.
const QUIET_ROUNDS: usize = 5;

/// Works until several rounds in a row change nothing. The clock stands still meanwhile.
pub(crate) async fn settle(stage: &Stage, workers: &Workers) {
    let mut last = None;
    let mut quiet = 0;
    for _ in 0..ROUNDS_MAX {
        workers.work_once().await.unwrap();
        // On the paused clock every other task runs until it waits before this ends.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = (stage.events().await, stage.acquirer.contacts().len(), stage.work.items());
        quiet = if last.as_ref() == Some(&now) { quiet + 1 } else { 0 };
        last = Some(now);
        if quiet == QUIET_ROUNDS {
            return;
        }
    }
    panic!("still busy after {ROUNDS_MAX} rounds: {last:?}");
}

/// Moves the clock, then works.
pub(crate) async fn settle_after(stage: &Stage, workers: &Workers, by: Duration) {
    stage.advance(by);
    settle(stage, workers).await;
}

/// Requests a capture, without waiting for its outcome.
pub(crate) async fn request_capture(
    engine: &Engine,
    id: PaymentId,
    name: &str,
    minor: i64,
) -> OperationId {
    engine.capture(capture(id, name, minor), Duration::ZERO).await.unwrap().operation_id
}

/// Records an approval, as the acquirer's answer to a call made elsewhere.
pub(crate) async fn approve(engine: &Engine, id: PaymentId, operation: OperationId, minor: i64) {
    let room = engine.reserve().await.unwrap();
    engine.conclude(id, operation, approval(amount(minor), "tx"), room).await.unwrap();
}
