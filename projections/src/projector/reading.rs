//! From the feed's records to batches.

use std::collections::BTreeMap;

use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Recorded, Stretch};
use daybook_engine::payment::DecodeError;

use super::Projector;
use crate::error::ViewError;
use crate::feed::{Fed, Sequence, sequence, texts_of};
use crate::views::{Batch, Parking, PaymentTexts, ViewCursors};

impl Projector {
    /// One batch for each partition that has something new; and where an event of a later build
    /// cuts one short, that.
    pub(super) async fn batches(
        &mut self,
        cursors: &BTreeMap<Partition, ViewCursors>,
        fed: Fed,
    ) -> Result<(Vec<Batch>, Option<ViewError>), ViewError> {
        let mut by_partition: BTreeMap<Partition, Vec<Recorded>> = BTreeMap::new();
        let offsets: BTreeMap<Partition, u64> = fed.topic_offsets.into_iter().collect();
        for recorded in fed.records {
            by_partition.entry(recorded.partition).or_default().push(recorded);
        }
        let mut batches = Vec::with_capacity(by_partition.len());
        let mut unknown = None;
        for (partition, records) in by_partition {
            let cursors = cursors.get(&partition).copied().unwrap_or_default();
            let records = self.whole(partition, &cursors, records).await?;
            if !records.is_empty() {
                let (mut batch, cut) = self.decode(partition, cursors, records);
                // What was cut off is to be read again.
                batch.topic_offset = offsets.get(&partition).copied().filter(|_| cut.is_none());
                unknown = cut.or(unknown);
                batches.extend((batch.end.position > 0).then_some(batch));
            }
            // A long batch must not keep this thread from the requests beside it.
            tokio::task::yield_now().await;
        }
        self.read_texts(&mut batches).await?;
        Ok((batches, unknown))
    }

    async fn read_texts(&self, batches: &mut [Batch]) -> Result<(), ViewError> {
        let events = batches.iter().flat_map(|batch| &batch.events);
        let mut texts = texts_of(self.ledger.as_ref(), events).await?;
        for batch in batches {
            let ids = batch.events.iter().map(|(event, _)| event.payment_id);
            let own: PaymentTexts = ids.filter_map(|id| texts.remove_entry(&id)).collect();
            batch.texts = own;
        }
        Ok(())
    }

    /// The records that follow the cursors, refilled from the ledger where the feed has a gap.
    async fn whole(
        &mut self,
        partition: Partition,
        cursors: &ViewCursors,
        records: Vec<Recorded>,
    ) -> Result<Vec<Recorded>, ViewError> {
        if let Sequence::Whole(records) = sequence(cursors, records)? {
            return Ok(records);
        }
        let (from, limit) =
            (cursors.lowest().position.max(1), self.pace.batch_max.saturating_add(1));
        let refill = self.ledger.read(&[Stretch { partition, from, limit }]).await?;
        match sequence(cursors, refill)? {
            Sequence::Whole(records) => Ok(records),
            Sequence::Missing(position) => {
                let cause = "the ledger has later positions and not this one".to_owned();
                self.stop_partition(partition, ViewError::Damaged { partition, position, cause });
                Ok(Vec::new())
            }
        }
    }

    /// The batch of these records up to the first of a later build, and which that is. A payment
    /// whose event can't be read is to be parked.
    fn decode(
        &self,
        partition: Partition,
        cursors: ViewCursors,
        records: Vec<Recorded>,
    ) -> (Batch, Option<ViewError>) {
        let mut batch = Batch::new(partition, cursors, Vec::with_capacity(records.len()));
        for recorded in records {
            let (payment_id, position) = (recorded.payment_id, recorded.position);
            let end = Cursor::at(&recorded);
            match recorded.decode() {
                Ok(event) => batch.events.push((recorded, event)),
                Err(cause @ DecodeError::Unknown { .. }) => {
                    return (batch, Some(ViewError::Unknown { partition, position, cause }));
                }
                Err(cause @ DecodeError::Damaged { .. }) => {
                    let (cause, at) = (cause.to_string(), self.clock.now());
                    batch.park(Parking { payment_id, position, cause, at });
                }
            }
            batch.end = end;
        }
        (batch, None)
    }
}
