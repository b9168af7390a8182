//! Answers that come by themselves: late, or twice.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{WorkerError, Workers};
use crate::acquirer::Notice;
use crate::engine::EngineError;

const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LAST: Duration = Duration::from_secs(5);

impl Workers {
    /// Records notices until `stop`.
    pub(super) async fn take_notices(self, stop: CancellationToken) {
        loop {
            let notice = tokio::select! {
                notice = self.on.acquirer.notice() => notice,
                () = stop.cancelled() => return,
            };
            tokio::select! {
                () = self.record_until_done(notice) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Repeats until it is recorded: of an operation that is concluded already, no inquiry would
    /// ever tell.
    async fn record_until_done(&self, notice: Notice) {
        let mut pause = PAUSE_FIRST;
        while let Err(error) = self.record_notice(notice.clone()).await {
            let may_pass = matches!(
                error,
                WorkerError::Engine(EngineError::Store(_) | EngineError::Overloaded)
            );
            tracing::error!(
                error = &error as &dyn std::error::Error, operation_id = %notice.operation_id,
                may_pass, "a notice could not be recorded"
            );
            if !may_pass {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE_LAST.min(pause.saturating_mul(2));
        }
    }

    /// # Errors
    /// When it can't be recorded.
    pub async fn record_notice(&self, notice: Notice) -> Result<(), WorkerError> {
        let room = self.on.engine.reserve().await?;
        let Notice { payment_id, operation_id, outcome } = notice;
        self.on.engine.conclude(payment_id, operation_id, outcome, room).await?;
        Ok(())
    }
}
