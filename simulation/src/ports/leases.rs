//! The leases as one process reaches them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::ids::Partition;
use daybook_engine::lease::{LeaseRole, LeaseStore};
use daybook_engine::ledger::StoreError;
use uuid::Uuid;

use super::unavailable;
use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct LeasesPort(pub(crate) Arc<Door>);

#[async_trait]
impl LeaseStore for LeasesPort {
    async fn share(
        &self,
        role: LeaseRole,
        holder: Uuid,
        hold: Duration,
    ) -> Result<Vec<Partition>, StoreError> {
        let door = &self.0;
        if door.fails(Fault::WriteFailed, 50) {
            return Err(unavailable("leases"));
        }
        let leases = door.world.stores().leases.clone();
        door.cross("lease", Risk::Look, leases.share(role, holder, hold)).await
    }

    async fn leave(&self, role: LeaseRole, holder: Uuid) -> Result<(), StoreError> {
        let leases = self.0.world.stores().leases.clone();
        self.0.cross("leave", Risk::Look, leases.leave(role, holder)).await
    }
}
