//! The wake-up that follows a commit in the same process; whoever waits polls as well.

use std::sync::Arc;

use tokio::sync::watch;

/// Signals that the ledger has grown; cheap to clone.
#[derive(Clone, Debug)]
pub struct Wake(Arc<watch::Sender<()>>);

impl Default for Wake {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Wake {
    pub fn signal(&self) {
        self.0.send_modify(|()| ());
    }

    /// An ear for it; a signal given while nobody listens is not lost.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
