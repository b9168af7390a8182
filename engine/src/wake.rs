//! The wake-up that follows a commit in the same process; whoever waits polls as well.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Signals that the ledger has grown; cheap to clone.
///
/// Every listener has a channel of its own: those who wait on one are woken in a random order, and a
/// run of the simulation must repeat itself.
#[derive(Clone, Default)]
pub struct Wake(Arc<Mutex<Vec<watch::Sender<()>>>>);

impl Wake {
    pub fn signal(&self) {
        self.listeners().retain(|listener| listener.send(()).is_ok());
    }

    /// An ear for it; a signal given while nobody listens is not lost.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<()> {
        let (sender, receiver) = watch::channel(());
        self.listeners().push(sender);
        receiver
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_a_signal_once_and_those_that_are_gone_are_forgotten() {
        let wake = Wake::default();
        let (mut one, mut other) = (wake.listen(), wake.listen());
        wake.signal();
        one.changed().await.unwrap();
        other.changed().await.unwrap();
        assert!(!one.has_changed().unwrap());
        drop(other);
        wake.signal();
        assert_eq!(wake.listeners().len(), 1);
        assert!(one.has_changed().unwrap(), "a signal given while nobody waits is not lost");
    }
}
