//! Readers of the ledger: each must stand on an event that the ledger holds.

use super::{Finding, Findings};
use crate::cursor::{Cursor, Diverged};
use crate::ledger::{Head, Ledger, Recorded, StoreError, Stretch};

/// How far a reader has got in a partition, by its own rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// As findings name it: `the workers`, `the relay to TOPIC`.
    pub name: String,
    pub cursor: Cursor,
}

impl Reader {
    /// Checks that its event stands in the partition that ends with `head`, which must have been read
    /// after the cursor.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn check(
        &self,
        ledger: &dyn Ledger,
        head: Head,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let Head { partition, position: end } = head;
        let mut found = self.cursor.check_head(partition, end);
        if found.is_ok() && self.cursor.position > 0 {
            let stretch = Stretch { partition, from: self.cursor.position, limit: 1 };
            let standing = ledger.read(&[stretch]).await?;
            found = standing.iter().try_for_each(|event| self.stands_on(event));
        }
        if let Err(diverged) = found {
            findings.add(Finding {
                partition,
                position: Some(self.cursor.position),
                payment_id: None,
                what: format!("the cursor of {}: {diverged}", self.name),
            });
        }
        Ok(())
    }

    fn stands_on(&self, event: &Recorded) -> Result<(), Diverged> {
        self.cursor.step(event).map(|_| ())
    }
}
