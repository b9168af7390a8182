//! Answers of the acquirer that come by themselves: late, or twice. They come to the process that
//! made the call, so every process that calls takes them, once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::acquirer::{Acquirer, Notice};
use crate::engine::{Engine, EngineError};

const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LAST: Duration = Duration::from_secs(5);

/// Takes the notices of one process.
#[derive(Clone)]
pub struct Notices {
    pub engine: Engine,
    pub acquirer: Arc<dyn Acquirer>,
}

impl Notices {
    /// Records notices until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.take() => {}
        }
    }

    async fn take(&self) {
        loop {
            self.record_until_done(self.acquirer.notice().await).await;
        }
    }

    /// Repeats until it is recorded: of an operation that is concluded already, no inquiry would
    /// ever tell.
    async fn record_until_done(&self, notice: Notice) {
        let mut pause = PAUSE_FIRST;
        while let Err(error) = self.record(notice.clone()).await {
            let may_pass = matches!(error, EngineError::Store(_) | EngineError::Overloaded);
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
    pub async fn record(&self, notice: Notice) -> Result<(), EngineError> {
        let room = self.engine.reserve().await?;
        let Notice { payment_id, operation_id, outcome } = notice;
        self.engine.conclude(payment_id, operation_id, outcome, room).await?;
        Ok(())
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}
