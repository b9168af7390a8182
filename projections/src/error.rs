//! Why a view can't be kept or read.

use daybook_engine::cursor::Diverged;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::payment::DecodeError;

#[derive(Clone, Debug, thiserror::Error)]
pub enum ViewError {
    /// The ledger or the view store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger is not the one these views followed; no view is moved any more.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// Written by a later build: no view is moved until this one is upgraded.
    #[error("the views stop before partition {partition} position {position}: {cause}")]
    Unknown { partition: Partition, position: u64, cause: DecodeError },
    /// The partition's views stand before this event until it is repaired.
    #[error(
        "the views stop before partition {partition} position {position}: {cause}; run `daybook \
         verify` to see whether the ledger or a view is damaged"
    )]
    Damaged { partition: Partition, position: u64, cause: String },
    /// A sum does not fit into 64 bits: it is refused, never wrapped.
    #[error("a sum in the {view} view does not fit into 64 bits")]
    Overflow { view: &'static str },
    #[error("the cursor is not one that this list gave: begin again without it")]
    BadCursor,
}

impl ViewError {
    /// Whether the same may work a moment later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable { .. } | StoreError::AnswerLost { .. }))
    }
}
