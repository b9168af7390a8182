//! Folding new events into work rows, rows and cursors in one transaction.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::{WorkerError, Workers};
use crate::cursor::{Cursor, Diverged, Found, Step};
use crate::ids::Partition;
use crate::ledger::{Recorded, Stretch};
use crate::payment::DecodeError;
use crate::work::{WorkBatch, WorkFold};

/// Events of one partition in one round.
const EVENTS_MAX: u32 = 500;

impl Workers {
    /// Folds the next events of every partition held; `true` where one may have more.
    pub(super) async fn fold_once(&self, held: &[Partition]) -> Result<bool, WorkerError> {
        let cursors = self.on.work.cursors(held).await?;
        let heads = self.on.ledger.heads().await?;
        let mut stretches = Vec::new();
        for (partition, cursor) in held.iter().zip(&cursors) {
            let head = heads.get(partition.index()).map_or(0, |head| head.position);
            cursor.check_head(*partition, head)?;
            if head > cursor.position {
                // The cursor's own event is read again, to see that it is still the same.
                let from = cursor.position.max(1);
                stretches.push(Stretch { partition: *partition, from, limit: EVENTS_MAX });
            }
        }
        if stretches.is_empty() {
            return Ok(false);
        }
        let recorded = self.on.ledger.read(&stretches).await?;
        self.apply(held, &cursors, &recorded).await
    }

    async fn apply(
        &self,
        held: &[Partition],
        cursors: &[Cursor],
        recorded: &[Recorded],
    ) -> Result<bool, WorkerError> {
        let fold = WorkFold::new(&self.settings.limits, &self.settings.schedule);
        let mut batch = WorkBatch::default();
        let mut moves: Vec<(Partition, Cursor, Cursor)> = Vec::new();
        for (partition, cursor) in held.iter().zip(cursors) {
            let mut reached = *cursor;
            for event in recorded.iter().filter(|event| event.partition == *partition) {
                match reached.step(event)? {
                    Step::Repeat => {}
                    Step::Next => match event.decode() {
                        Ok(decoded) => {
                            batch.add(fold.fold(event, &decoded));
                            reached = Cursor::at(event);
                        }
                        // The others go on; what follows here might rest on what can't be read.
                        Err(error @ DecodeError::Damaged { .. }) => {
                            self.stand_before(event, &error);
                            break;
                        }
                        Err(error) => return Err(error.into()),
                    },
                    Step::Gap => return Err(gap(event, reached).into()),
                }
            }
            if reached != *cursor {
                moves.push((*partition, *cursor, reached));
            }
        }
        if moves.is_empty() {
            return Ok(false);
        }
        // Where another worker has moved the cursors, its rows are there already.
        self.on.work.apply(&batch.into_changes(), &moves).await?;
        Ok(true)
    }
}

impl Workers {
    fn stand_before(&self, event: &Recorded, error: &DecodeError) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = format!("position {}: {error}; run `daybook verify`", event.position);
        if standing.insert(event.partition, cause).is_none() {
            tracing::error!(
                partition = %event.partition, position = event.position, %error,
                "the workers stand before a damaged event"
            );
        }
    }

    /// A partition that passed on is another process's to stand still in.
    pub(super) fn forget_others(&self, held: &[Partition]) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.retain(|partition, _| held.contains(partition));
    }

    /// The partitions that the workers stand still in, and why.
    #[must_use]
    pub fn standing(&self) -> BTreeMap<Partition, String> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Positions are gapless in the ledger itself, so a gap there is another history.
fn gap(event: &Recorded, reached: Cursor) -> Diverged {
    Diverged {
        partition: event.partition,
        position: reached.position.saturating_add(1),
        expected: event.event_id,
        found: Found::Nothing,
    }
}
