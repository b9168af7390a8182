//! The views of a restored ledger: those that have seen more than it holds are built anew.

use std::collections::BTreeMap;

use async_trait::async_trait;
use daybook_engine::adoption::{Follower, Standing};
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Head, Ledger, StoreError};

use crate::error::ViewError;
use crate::views::{ForgetViews, View, ViewStore};

/// The views' cursors.
pub struct Views<'a> {
    store: &'a dyn ViewStore,
    forget: &'a dyn ForgetViews,
    /// In each partition the one that stands worst.
    found: BTreeMap<Partition, (Cursor, Standing)>,
}

impl<'a> Views<'a> {
    #[must_use]
    pub const fn new(store: &'a dyn ViewStore, forget: &'a dyn ForgetViews) -> Self {
        Self { store, forget, found: BTreeMap::new() }
    }
}

#[async_trait]
impl Follower for Views<'_> {
    async fn look(
        &mut self,
        ledger: &dyn Ledger,
        heads: &[Head],
    ) -> Result<Vec<(Partition, Standing)>, StoreError> {
        for (partition, cursors) in self.store.cursors().await.map_err(of_store)? {
            let position = heads.get(partition.index()).map_or(0, |head| head.position);
            for view in View::ALL {
                let cursor = cursors.of(view);
                let standing = Standing::of(ledger, Head { partition, position }, cursor).await?;
                let worst = self.found.entry(partition).or_insert((cursor, standing));
                if standing.is_worse_than(worst.1) {
                    *worst = (cursor, standing);
                }
            }
        }
        Ok(self.found.iter().map(|(partition, (_, standing))| (*partition, *standing)).collect())
    }

    async fn repair(&mut self, say: &mut (dyn FnMut(String) + Send)) -> Result<(), StoreError> {
        let ahead = self.found.iter().filter(|(_, (_, standing))| *standing != Standing::Fits);
        let mut partitions = Vec::new();
        for (partition, (cursor, _)) in ahead {
            say(format!(
                "partition {partition}: the views stand at position {}, which the ledger does not hold \
                 as they have seen it: they are rebuilt from nothing",
                cursor.position
            ));
            partitions.push(*partition);
        }
        self.forget.forget(&partitions).await.map_err(of_store)
    }
}

fn of_store(error: ViewError) -> StoreError {
    match error {
        ViewError::Store(error) => error,
        error => StoreError::Damaged { store: "views", cause: error.to_string() },
    }
}

impl std::fmt::Debug for Views<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("found", &self.found).finish_non_exhaustive()
    }
}
