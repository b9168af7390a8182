//! What stands still, for readiness and the operator.

use daybook_engine::ids::Partition;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why no view moves any more; `None` while they do.
    pub halted: Option<String>,
    /// The partitions that stand before a damaged event, and why.
    pub partitions: Vec<(Partition, String)>,
}

impl Health {
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.halted.is_none() && self.partitions.is_empty()
    }
}
