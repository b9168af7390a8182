//! Why a view can't be kept or read.

use daybook_engine::cursor::Diverged;
use daybook_engine::ids::{Partition, PaymentId};
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
    /// The partition's views stand before this position until it is repaired.
    #[error(
        "the views stop before partition {partition} position {position}: {cause}; run `daybook \
         verify` to see whether the ledger or a view is damaged"
    )]
    Damaged { partition: Partition, position: u64, cause: String },
    /// The partition's views stand still until payments are taken up again.
    #[error(
        "{count} payments of partition {partition} are parked, which is too many to be their fault: \
         run `daybook verify`, and `daybook parked retry --all` once it is repaired"
    )]
    TooManyParked { partition: Partition, count: u64 },
    /// Events that don't fit the rows, each the first such of its payment.
    #[error("{}", first(.0))]
    Unfit(Vec<Unfit>),
    /// A view's rows can't be read, or don't take what is written: by which event is not known.
    #[error("the {view} view: {cause}; run `daybook verify`")]
    Rows { view: &'static str, cause: String },
    /// A sum does not fit into 64 bits: it is refused, never wrapped.
    #[error("a sum in the {view} view does not fit into 64 bits")]
    Overflow { view: &'static str },
    #[error("the cursor is not one that this list gave: begin again without it")]
    BadCursor,
}

/// An event that doesn't fit a view's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub partition: Partition,
    pub position: u64,
    pub payment_id: PaymentId,
    pub cause: String,
}

fn first(unfit: &[Unfit]) -> String {
    let describe =
        |unfit: &Unfit| format!("{}:{}: {}", unfit.partition, unfit.position, unfit.cause);
    unfit.first().map(describe).unwrap_or_default()
}

impl ViewError {
    /// Whether the same may work a moment later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable { .. } | StoreError::AnswerLost { .. }))
    }

    /// Whether an event that was to be applied is to blame, although it is not known which.
    #[must_use]
    pub const fn is_of_an_event(&self) -> bool {
        matches!(self, Self::Rows { .. } | Self::Overflow { .. })
    }
}
