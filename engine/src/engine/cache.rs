//! Recent payments: committed state only, and only ever used to grant.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::snapshot::Snapshot;
use crate::ids::PaymentId;

#[derive(Debug)]
pub(super) struct Cache {
    recent: Mutex<LruCache<PaymentId, Arc<Snapshot>>>,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Self { recent: Mutex::new(LruCache::new(capacity)) }
    }

    pub(super) fn get(&self, id: PaymentId) -> Option<Arc<Snapshot>> {
        self.lock().get(&id).cloned()
    }

    /// Remembers a committed state, unless a later one is known.
    pub(super) fn put(&self, snapshot: &Arc<Snapshot>) {
        let mut recent = self.lock();
        let known = recent.peek(&snapshot.payment_id).map_or(0, |known| known.payment.version);
        if known <= snapshot.payment.version {
            recent.put(snapshot.payment_id, Arc::clone(snapshot));
        }
    }

    pub(super) fn forget(&self, id: PaymentId) {
        self.lock().pop(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<PaymentId, Arc<Snapshot>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
