//! What stands still, for readiness and the operator.

use daybook_engine::ids::Partition;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why no view moves any more; `None` while they do.
    pub halted: Option<String>,
    /// What is not there at the moment; `None` while everything is.
    pub waiting: Option<String>,
    /// The partitions that stand still, and why.
    pub partitions: Vec<(Partition, String)>,
    /// How many payments are parked.
    pub parked: u64,
}

impl Health {
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.halted.is_none()
            && self.waiting.is_none()
            && self.partitions.is_empty()
            && self.parked == 0
    }
}
