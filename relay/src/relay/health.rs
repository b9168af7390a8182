//! How the relay is, for readiness and the operator.

use std::collections::BTreeMap;

use daybook_engine::ids::Partition;

use super::Outbox;
use crate::breaker::BreakerState;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayHealth {
    pub breaker: BreakerState,
    /// Why the last attempt failed; `None` while the breaker is closed.
    pub cause: Option<String>,
    /// Why nothing is published any more; `None` while the relay runs.
    pub stopped: Option<String>,
    /// What the topic has not seen yet, of the partitions that this process holds.
    pub outbox: Outbox,
    /// The partitions of the topic that begin after a position, because the topic was deleted and
    /// created again, or lost its end: readers get what is missing from the ledger.
    pub begun_after: BTreeMap<Partition, u64>,
}

impl Default for RelayHealth {
    fn default() -> Self {
        Self {
            breaker: BreakerState::Closed,
            cause: None,
            stopped: None,
            outbox: Outbox::default(),
            begun_after: BTreeMap::new(),
        }
    }
}
