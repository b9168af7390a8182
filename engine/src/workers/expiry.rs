//! Letting authorizations run out.

use tokio::task::JoinSet;

use super::{WorkerError, Workers};
use crate::engine::{EngineError, Expiry};
use crate::ids::Partition;
use crate::work::{ExpiryEnd, ExpiryItem};

/// Expiries in one round.
const EXPIRIES_MAX: u32 = 100;

impl Workers {
    /// Expires what is due; `true` where more may be due at once.
    pub(super) async fn expire_once(&self, held: &[Partition]) -> Result<bool, WorkerError> {
        let due = self.on.work.due_expiries(held, EXPIRIES_MAX).await?;
        let is_full = due.len() == usize::try_from(EXPIRIES_MAX).unwrap_or(usize::MAX);
        // Side by side, so that they share a commit.
        let mut expiring = JoinSet::new();
        for item in due {
            let workers = self.clone();
            expiring.spawn(async move { (item, workers.expire(item).await) });
        }
        let (mut settled, mut first_error) = (Vec::new(), None);
        while let Some(expired) = expiring.join_next().await {
            match expired {
                Ok((item, Ok(end))) => settled.extend(end.map(|end| (item, end))),
                Ok((_, Err(error))) => first_error = first_error.or(Some(error)),
                Err(error) => tracing::error!(%error, "an expiry failed; it is due again"),
            }
        }
        if !settled.is_empty() {
            self.on.work.settle_expiries(&settled).await?;
        }
        first_error.map_or(Ok(is_full && !settled.is_empty()), Err)
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
            // The fold of its events says so too, and stops; nothing more can be done for it here.
            Err(error @ EngineError::Unreadable(_)) => {
                tracing::error!(payment_id = %item.payment_id, %error, "an expiry can't be decided");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
