//! Answers that come by themselves: late, or twice.

use tokio_util::sync::CancellationToken;

use super::{WorkerError, Workers};
use crate::acquirer::Notice;

impl Workers {
    /// Records notices until `stop`.
    pub(super) async fn take_notices(self, stop: CancellationToken) {
        loop {
            let notice = tokio::select! {
                notice = self.on.acquirer.notice() => notice,
                () = stop.cancelled() => return,
            };
            let operation_id = notice.operation_id;
            if let Err(error) = self.record_notice(notice).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error, %operation_id,
                    "a notice could not be recorded; an inquiry will find it"
                );
            }
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
