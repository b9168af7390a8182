//! Reading the wanted partitions, each from its own offset, and noticing where the topic ends.

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_engine::broker::{Broker, BrokerError, Offsets, Reader};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::Recorded;
use daybook_engine::record::TopicRecord;
use tokio::time::Instant;

use super::Patience;
use crate::feed::Wanted;

#[derive(Default)]
pub(super) struct Reading {
    /// `None` until it is opened, and after every surprise.
    reader: Option<Box<dyn Reader>>,
    /// The offset that comes next, of each partition that is read.
    next: BTreeMap<Partition, u64>,
    /// Since when a partition brings nothing although the ledger has more.
    silent_since: BTreeMap<Partition, Instant>,
}

impl Reading {
    /// Reads these partitions from now on, where they are not the ones that are read already.
    pub(super) async fn open(
        &mut self,
        broker: &dyn Broker,
        wanted: &[Wanted],
    ) -> Result<(), BrokerError> {
        let is_same = self.next.keys().eq(wanted.iter().map(|wanted| &wanted.partition));
        if self.reader.is_some() && is_same {
            return Ok(());
        }
        self.close().await;
        let partitions: Vec<Partition> = wanted.iter().map(|wanted| wanted.partition).collect();
        let stretches = broker.offsets(&partitions).await?;
        let begin = |(wanted, stretch)| begin(broker, wanted, stretch);
        let from: Vec<_> = wanted.iter().zip(stretches).map(begin).collect();
        self.reader = Some(broker.reader(&from)?);
        self.next = from.into_iter().collect();
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.close().await;
        }
    }

    /// The next records; none where the reader must be opened anew.
    pub(super) async fn next(
        &mut self,
        limit: u32,
        patience: Duration,
    ) -> Result<Vec<TopicRecord>, BrokerError> {
        let Some(reader) = &mut self.reader else { return Ok(Vec::new()) };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        match reader.next(limit, patience).await {
            Ok(records) => {
                for record in &records {
                    self.next.insert(record.partition, record.offset.saturating_add(1));
                    // Repeats are no silence: many of them may stand before the next event.
                    self.silent_since.remove(&record.partition);
                }
                Ok(records)
            }
            Err(BrokerError::OutOfRange(cause)) => {
                tracing::warn!(cause, "what was to be read of the topic is gone");
                self.close().await;
                Ok(Vec::new())
            }
            Err(error) => {
                if matches!(error, BrokerError::Refused(_)) {
                    self.close().await;
                }
                Err(error)
            }
        }
    }

    /// The partitions that have brought nothing for a while although the ledger has more.
    pub(super) fn silent(
        &mut self,
        wanted: &[Wanted],
        events: &BTreeMap<Partition, Vec<Recorded>>,
        patience: &Patience,
    ) -> Vec<(Wanted, Duration)> {
        let mut silent = Vec::new();
        for wanted in wanted {
            let is_fed = events.get(&wanted.partition).is_some_and(|events| !events.is_empty());
            if is_fed || wanted.head <= wanted.after.position {
                self.silent_since.remove(&wanted.partition);
                continue;
            }
            let since = *self.silent_since.entry(wanted.partition).or_insert_with(Instant::now);
            if since.elapsed() >= patience.refill_after {
                silent.push((*wanted, since.elapsed()));
            }
        }
        silent
    }

    /// Those of the silent partitions that are read to their topic's end: what is missing there does
    /// not come any more, or not soon.
    pub(super) async fn ended(
        &mut self,
        broker: &dyn Broker,
        silent: Vec<(Wanted, Duration)>,
        patience: &Patience,
    ) -> Result<Vec<Wanted>, BrokerError> {
        let mut ended = Vec::new();
        if silent.is_empty() {
            return Ok(ended);
        }
        let partitions: Vec<Partition> = silent.iter().map(|(w, _)| w.partition).collect();
        let stretches = broker.offsets(&partitions).await?;
        let mut is_astray = false;
        for ((wanted, silence), stretch) in silent.into_iter().zip(stretches) {
            let next = self.next.get(&wanted.partition).copied().unwrap_or(stretch.end);
            if next == stretch.end {
                ended.push(wanted);
            } else if next > stretch.end || next < stretch.first || silence > patience.reopen_after
            {
                is_astray = true;
            }
        }
        if is_astray {
            tracing::warn!(topic = %broker.name(), "the topic is opened anew");
            self.silent_since.clear();
            self.close().await;
        }
        Ok(ended)
    }

    pub(super) fn offsets(&self) -> Vec<(Partition, u64)> {
        self.next.iter().map(|(partition, offset)| (*partition, *offset)).collect()
    }
}

/// Where a partition is read from.
fn begin(broker: &dyn Broker, wanted: &Wanted, stretch: Offsets) -> (Partition, u64) {
    let (partition, topic) = (wanted.partition, broker.name());
    let Offsets { first, end, .. } = stretch;
    let from = match wanted.topic_offset {
        Some(offset) if offset > end => {
            tracing::warn!(%topic, %partition, offset, end, "the topic was created again: it is read from its beginning");
            first
        }
        Some(offset) if offset < first => {
            tracing::warn!(%topic, %partition, offset, first, "records are gone that were not read: the ledger has them");
            first
        }
        Some(offset) => offset,
        // Views that came this far without the topic need none of what it holds.
        None if wanted.after.position > 0 => end,
        None => first,
    };
    (partition, from)
}
