//! Keeping a process's leases: renewed every second, let go before they can run out.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{HeldPartitions, LeaseRole, LeaseStore};
use crate::ids::Partition;

/// How long a process that says nothing more keeps its partitions: another has them that long, one
/// renewal and one call after it died.
const HOLD: Duration = Duration::from_secs(5);
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// So long before the store's lease can run out the process lets go by its own clock, and so long a
/// round of work that has just begun may take.
const MARGIN: Duration = Duration::from_secs(1);
/// A call that takes longer is made anew.
const CALL_MAX: Duration = Duration::from_secs(2);

/// Holds a process's share of the partitions.
pub struct LeaseKeeper {
    store: Arc<dyn LeaseStore>,
    role: LeaseRole,
    holder: Uuid,
    held: watch::Sender<Arc<[Partition]>>,
    /// From then on what is held may be somebody else's.
    held_until: Option<Instant>,
}

impl LeaseKeeper {
    /// `holder` names this process, and no other ever. Nothing is held until [`LeaseKeeper::run`]
    /// has asked for it.
    #[must_use]
    pub fn new(
        store: Arc<dyn LeaseStore>,
        role: LeaseRole,
        holder: Uuid,
    ) -> (Self, HeldPartitions) {
        let (held, partitions) = watch::channel(Arc::default());
        (Self { store, role, holder, held, held_until: None }, partitions.into())
    }

    /// Keeps the share until `stop`, then gives it up at once.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.keep() => {}
        }
        self.let_go();
        match timeout(CALL_MAX, self.store.leave(self.role, self.holder)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "leases could not be left; they run out"),
            Err(_) => tracing::warn!("leases could not be left in time; they run out"),
        }
    }

    async fn keep(&mut self) {
        loop {
            let asked = Instant::now();
            let store = Arc::clone(&self.store);
            let share = timeout(CALL_MAX, store.share(self.role, self.holder, HOLD));
            match self.while_holding(share).await {
                // The store's lease began after it was asked for.
                Ok(Ok(share)) => self.hold(&share, asked + HOLD.saturating_sub(MARGIN)),
                Ok(Err(error)) => tracing::warn!(
                    role = self.role.as_str(), %error, "leases could not be renewed"
                ),
                Err(_) => {
                    tracing::warn!(role = self.role.as_str(), "leases could not be renewed in time")
                }
            }
            self.while_holding(sleep_until(asked + RENEW_EVERY)).await;
        }
    }

    /// Waits for `what`, and meanwhile lets go of what can't be held any longer.
    async fn while_holding<T>(&mut self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        if let Some(held_until) = self.held_until {
            tokio::select! {
                biased;
                done = &mut what => return done,
                () = sleep_until(held_until) => self.let_go(),
            }
        }
        what.await
    }

    fn hold(&mut self, share: &[Partition], until: Instant) {
        if until <= Instant::now() {
            return self.let_go();
        }
        self.held_until = Some(until);
        self.publish(share);
    }

    fn let_go(&mut self) {
        self.held_until = None;
        self.publish(&[]);
    }

    fn publish(&self, share: &[Partition]) {
        let is_changed = self.held.send_if_modified(|held| {
            let is_changed = **held != *share;
            if is_changed {
                *held = share.into();
            }
            is_changed
        });
        if is_changed {
            tracing::info!(role = self.role.as_str(), partitions = ?share, "holding");
        }
    }
}

impl Drop for LeaseKeeper {
    /// Who no longer renews no longer holds.
    fn drop(&mut self) {
        self.publish(&[]);
    }
}

impl std::fmt::Debug for LeaseKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaseKeeper").field("role", &self.role).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
