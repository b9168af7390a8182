//! The ledger itself as the feed.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::ledger::{Ledger, StoreError, Stretch};

use super::{Fed, Feed, Wanted};

pub struct LedgerFeed {
    ledger: Arc<dyn Ledger>,
}

impl LedgerFeed {
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger }
    }
}

impl std::fmt::Debug for LedgerFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LedgerFeed")
    }
}

#[async_trait]
impl Feed for LedgerFeed {
    async fn next(&self, wanted: &[Wanted], limit: u32) -> Result<Fed, StoreError> {
        let stretches = stretches(wanted, limit);
        if stretches.is_empty() {
            return Ok(Fed::default());
        }
        let records = self.ledger.read(&stretches).await?;
        // A head says there are events: none at all is a hole, and must not pass for idleness.
        for stretch in stretches {
            if !records.iter().any(|recorded| recorded.partition == stretch.partition) {
                return Err(StoreError::Damaged {
                    store: "ledger",
                    cause: format!(
                        "partition {} has nothing at position {} although its head is beyond",
                        stretch.partition, stretch.from
                    ),
                });
            }
        }
        Ok(records.into())
    }
}

/// An equal share for every partition that has something new, and one event to check for the rest.
fn stretches(wanted: &[Wanted], limit: u32) -> Vec<Stretch> {
    let behind = wanted.iter().filter(|wanted| wanted.head > wanted.after.position).count();
    let share = limit.checked_div(u32::try_from(behind).unwrap_or(u32::MAX)).unwrap_or(0).max(1);
    let stretch = |wanted: &Wanted| {
        let Wanted { partition, after, head, .. } = *wanted;
        let own = u32::from(after.position > 0);
        let new = if head > after.position { share } else { 0 };
        let limit = own.saturating_add(new);
        (limit > 0).then_some(Stretch { partition, from: after.position.max(1), limit })
    };
    wanted.iter().filter_map(stretch).collect()
}
