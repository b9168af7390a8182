//! Letting authorizations run out.

use super::{WorkerError, Workers};
use crate::engine::{EngineError, Expiry};
use crate::work::{ExpiryEnd, ExpiryItem};

/// Expiries in one round.
const EXPIRIES_MAX: u32 = 100;

impl Workers {
    /// Expires what is due; `true` where more may be due at once.
    pub(super) async fn expire_once(&self) -> Result<bool, WorkerError> {
        let due = self.on.work.due_expiries(&self.partitions, EXPIRIES_MAX).await?;
        let is_full = due.len() == usize::try_from(EXPIRIES_MAX).unwrap_or(usize::MAX);
        let mut settled = Vec::with_capacity(due.len());
        for item in due {
            settled.extend(self.expire(item).await?.map(|end| (item, end)));
        }
        if !settled.is_empty() {
            self.on.work.settle_expiries(&settled).await?;
        }
        Ok(is_full && !settled.is_empty())
    }

    async fn expire(&self, item: ExpiryItem) -> Result<Option<ExpiryEnd>, WorkerError> {
        match self.on.engine.expire(item.payment_id).await {
            Ok(Expiry::Done) => Ok(Some(ExpiryEnd::Done)),
            Ok(Expiry::Waits) => Ok(Some(ExpiryEnd::Waits)),
            // The store's clock is ahead of this process's: it is due again at the next look.
            Ok(Expiry::NotYet(_)) => Ok(None),
            Err(EngineError::Rejected { rejection, .. }) => {
                tracing::error!(payment_id = %item.payment_id, %rejection, "an expiry is refused for good");
                Ok(Some(ExpiryEnd::Done))
            }
            Err(error) => Err(error.into()),
        }
    }
}
