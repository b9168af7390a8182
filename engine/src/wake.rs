//! The wake-up that follows a commit in the same process; whoever waits polls as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Signals that the ledger has grown; cheap to clone.
#[derive(Clone, Debug)]
pub struct Wake(Arc<watch::Sender<u64>>);

impl Default for Wake {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Wake {
    pub fn signal(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// One reader's ear; a signal given while it does not listen is not lost.
#[derive(Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Waits for a signal since the last call, at most `poll`.
    pub async fn woken(&mut self, poll: Duration) {
        // Both a signal and the time's end mean: look again.
        let _ = tokio::time::timeout(poll, self.0.changed()).await;
    }
}
