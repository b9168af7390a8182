//! Leases in memory, for tests and simulation: the same promises, kept by one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::fair::{Held, fair_share};
use super::{LeaseRole, LeaseStore};
use crate::clock::{Clock, Timestamp};
use crate::ids::Partition;
use crate::ledger::StoreError;

/// Keeps nothing when it is dropped.
pub struct MemoryLeases {
    clock: Arc<dyn Clock>,
    partitions: BTreeSet<Partition>,
    roles: Mutex<HashMap<LeaseRole, Leases>>,
}

#[derive(Debug, Default)]
struct Leases {
    alive_until: BTreeMap<Uuid, Timestamp>,
    held: Held,
}

impl MemoryLeases {
    #[must_use]
    pub fn new(partitions: u16, clock: Arc<dyn Clock>) -> Self {
        Self { clock, partitions: Partition::all(partitions).collect(), roles: Mutex::default() }
    }

    fn roles(&self) -> MutexGuard<'_, HashMap<LeaseRole, Leases>> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LeaseStore for MemoryLeases {
    async fn share(
        &self,
        role: LeaseRole,
        holder: Uuid,
        hold: Duration,
    ) -> Result<Vec<Partition>, StoreError> {
        let now = self.clock.now();
        let hold = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX);
        let mut roles = self.roles();
        let Leases { alive_until, held } = roles.entry(role).or_default();
        alive_until.insert(holder, now.plus_millis(hold));
        alive_until.retain(|_, until| *until > now);
        held.retain(|other, _| alive_until.contains_key(other));
        for alive in alive_until.keys() {
            held.entry(*alive).or_default();
        }
        let share = fair_share(holder, &self.partitions, held);
        held.insert(holder, share.iter().copied().collect());
        Ok(share)
    }

    async fn leave(&self, role: LeaseRole, holder: Uuid) -> Result<(), StoreError> {
        if let Some(leases) = self.roles().get_mut(&role) {
            leases.alive_until.remove(&holder);
            leases.held.remove(&holder);
        }
        Ok(())
    }
}
