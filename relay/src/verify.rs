//! The topic against the ledger, position by position: `daybook relay verify`.
//!
//! Repeats are allowed, wherever they stand behind a first occurrence; what is missing, foreign,
//! changed or out of order is named. What retention has deleted is said, and is no difference; nor is
//! what an incarnation before has published and a restore has lost.

mod order;
mod report;

pub use report::{Difference, Note, VerifyReport};

use std::collections::BTreeMap;
use std::time::Duration;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch};
use tokio::time::Instant;

use self::order::Order;
use crate::cursors::RelayCursors;
use daybook_engine::broker::{Broker, BrokerError};
use daybook_engine::record::{Published, RecordWriter, TopicRecord};

/// Records that are compared at a time.
const CHUNK: usize = 5_000;
/// How long one read waits for records.
const PATIENCE: Duration = Duration::from_millis(250);
/// What the ledger holds when the check begins must be in the topic so long after that.
pub const GRACE: Duration = Duration::from_secs(10);

/// Why the check could not be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Reads the topic from its first offset to its end, and compares; `progress` is told how many
/// records were read since it was last told.
///
/// # Errors
/// When the ledger or the topic can't be read.
pub async fn verify(
    ledger: &dyn Ledger,
    broker: &dyn Broker,
    cursors: &dyn RelayCursors,
    grace: Duration,
    mut progress: impl FnMut(u64) + Send,
) -> Result<VerifyReport, VerifyError> {
    let deadline = Instant::now() + grace;
    let mut check = Check::begin(ledger, broker, cursors).await?;
    let from: Vec<_> = check.orders.values().map(Order::start).collect();
    let mut reader = broker.reader(&from)?;
    let checked = loop {
        let records = match reader.next(CHUNK, PATIENCE).await {
            Ok(records) => records,
            Err(error) => break Err(error.into()),
        };
        progress(records.len() as u64);
        let is_idle = records.is_empty();
        if let Err(error) = check.compare(ledger, records).await {
            break Err(error.into());
        }
        let is_over = Instant::now() >= deadline;
        if check.is_whole() || (is_idle && is_over && check.is_read()) {
            break Ok(());
        }
    };
    reader.close().await;
    checked.map(|()| check.finish())
}

struct Check {
    identity: LedgerIdentity,
    incarnations: Incarnations,
    writer: RecordWriter,
    orders: BTreeMap<Partition, Order>,
    report: VerifyReport,
}

impl Check {
    async fn begin(
        ledger: &dyn Ledger,
        broker: &dyn Broker,
        cursors: &dyn RelayCursors,
    ) -> Result<Self, VerifyError> {
        let identity = ledger.identity();
        let facts = broker.topic().await?;
        let found = facts
            .ok_or_else(|| BrokerError::Refused(format!("there is no topic {}", broker.name())))?;
        daybook_engine::broker::topic::check(broker.name(), identity.partitions, &found)
            .map_err(|error| BrokerError::Refused(error.to_string()))?;
        let partitions: Vec<_> = Partition::all(identity.partitions).collect();
        let heads = ledger.heads().await?;
        let cursors = cursors.load(broker.name(), &partitions).await?;
        let offsets = broker.offsets(&partitions).await?;
        let orders = offsets.into_iter().zip(cursors).map(|(offsets, cursor)| {
            let head = heads.get(offsets.partition.index()).map_or(0, |head| head.position);
            (offsets.partition, Order::new(offsets, head, cursor))
        });
        Ok(Self {
            writer: RecordWriter::new(&identity, ledger.incarnations()),
            incarnations: ledger.incarnations().clone(),
            identity,
            orders: orders.collect(),
            report: VerifyReport::default(),
        })
    }

    async fn compare(
        &mut self,
        ledger: &dyn Ledger,
        records: Vec<TopicRecord>,
    ) -> Result<(), StoreError> {
        let mut published = Vec::with_capacity(records.len());
        for record in records {
            self.report.records = self.report.records.saturating_add(1);
            if let Some(order) = self.orders.get_mut(&record.partition) {
                order.reach(record.offset);
            }
            let read = Published::read(&record);
            match read.and_then(|read| read.check(&self.identity).map(|()| read)) {
                Ok(read) => published.push((record, read)),
                Err(cause) => self.report.add(Difference {
                    partition: record.partition,
                    offset: Some(record.offset),
                    positions: None,
                    what: format!("is no record of this ledger's relay: {cause}"),
                }),
            }
        }
        let events = read_events(ledger, &published).await?;
        for (record, read) in &published {
            let Recorded { partition, position, .. } = read.recorded;
            self.compare_one(record, read, events.get(&(partition, position)));
        }
        Ok(())
    }

    fn compare_one(&mut self, record: &TopicRecord, read: &Published, event: Option<&Recorded>) {
        let Recorded { partition, position, event_id, .. } = read.recorded;
        let is_there = event.is_some_and(|event| event.event_id == event_id);
        if !is_there && self.incarnations.is_void(partition, read.incarnation, position) {
            self.report.voided = self.report.voided.saturating_add(1);
            return;
        }
        let mut differs = |what: String| {
            let (offset, positions) = (Some(record.offset), Some((position, position)));
            self.report.add(Difference { partition, offset, positions, what });
        };
        let Some(event) = event else {
            return differs("is not in the ledger, which ends before it".to_owned());
        };
        if event.event_id != event_id {
            return differs(format!(
                "is event {event_id}, and the ledger has event {} there",
                event.event_id
            ));
        }
        let changed = changed(&mut self.writer, read.incarnation, event, record);
        if !changed.is_empty() {
            differs(format!("is not as the ledger has it: {} differs", changed.join(", ")));
        }
        if let Some(order) = self.orders.get_mut(&partition) {
            order.see(position, record.offset, &mut self.report);
        }
    }

    /// Everything that was there when the check began has been read, and nothing is wanted any more.
    fn is_whole(&self) -> bool {
        self.is_read() && self.orders.values().all(Order::is_complete)
    }

    fn is_read(&self) -> bool {
        self.orders.values().all(Order::is_read)
    }

    fn finish(mut self) -> VerifyReport {
        for order in self.orders.values() {
            order.finish(&mut self.report);
        }
        self.report
    }
}

/// The events of the ledger at the positions that these records claim.
async fn read_events(
    ledger: &dyn Ledger,
    published: &[(TopicRecord, Published)],
) -> Result<BTreeMap<(Partition, u64), Recorded>, StoreError> {
    let claimed =
        published.iter().map(|(_, read)| (read.recorded.partition, read.recorded.position));
    let mut claimed: Vec<_> = claimed.collect();
    claimed.sort_unstable();
    claimed.dedup();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (partition, position) in claimed {
        match stretches.last_mut() {
            Some(last)
                if last.partition == partition && last.last().checked_add(1) == Some(position) =>
            {
                last.limit = last.limit.saturating_add(1);
            }
            _ => stretches.push(Stretch { partition, from: position, limit: 1 }),
        }
    }
    let events = ledger.read(&stretches).await?;
    Ok(events.into_iter().map(|event| ((event.partition, event.position), event)).collect())
}

/// What of a record is not as a relay would write the event; the incarnation is the record's own.
fn changed(
    writer: &mut RecordWriter,
    incarnation: u32,
    event: &Recorded,
    record: &TopicRecord,
) -> Vec<String> {
    writer.set_incarnation(incarnation);
    let expected = writer.write(event);
    let mut changed = Vec::new();
    if record.key.as_deref() != Some(expected.key.as_bytes()) {
        changed.push("the key".to_owned());
    }
    if record.value.as_deref() != Some(expected.value.as_bytes()) {
        changed.push("the value".to_owned());
    }
    let found = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    let wanted = expected.headers().map(|(name, value)| (name, Some(value.as_bytes())));
    if !found.clone().eq(wanted.clone()) {
        let missing = wanted.clone().filter(|header| !found.clone().any(|found| found == *header));
        let extra = found.clone().filter(|header| !wanted.clone().any(|wanted| wanted == *header));
        let mut names: Vec<_> = missing.chain(extra).map(|(name, _)| name).collect();
        names.dedup();
        changed.extend(names.iter().map(|name| format!("header {name}")));
        if names.is_empty() {
            changed.push("the order of the headers".to_owned());
        }
    }
    changed
}
