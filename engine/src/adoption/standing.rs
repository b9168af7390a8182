//! Whether a reader has seen what the ledger holds.

use crate::cursor::Cursor;
use crate::ledger::{Head, Ledger, StoreError, Stretch};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger holds the event at the cursor.
    Fits,
    /// The ledger ends before it, with this.
    Ahead { end: Cursor },
    /// Another event stands there: the ledger was added to since it was restored.
    Other,
}

impl Standing {
    /// How a reader's cursor stands to the partition that ends with this head.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn of(ledger: &dyn Ledger, head: Head, cursor: Cursor) -> Result<Self, StoreError> {
        let Some(event_id) = cursor.event_id else { return Ok(Self::Fits) };
        let Head { partition, position: end } = head;
        let from = cursor.position.min(end);
        let found = ledger.read(&[Stretch { partition, from, limit: 1 }]).await?;
        let event = found.iter().find(|event| event.position == from);
        if cursor.position > end {
            return Ok(Self::Ahead { end: event.map(Cursor::at).unwrap_or_default() });
        }
        let is_same = event.is_some_and(|event| event.event_id == event_id);
        Ok(if is_same { Self::Fits } else { Self::Other })
    }

    #[must_use]
    pub const fn is_worse_than(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Other, Self::Fits | Self::Ahead { .. }) | (Self::Ahead { .. }, Self::Fits)
        )
    }
}
