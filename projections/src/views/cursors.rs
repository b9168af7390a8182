//! The rows of `view_cursor`: how far each view has got in each partition.

use std::collections::BTreeMap;

use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::ledger::StoreError;

use super::columns::Columns;
use super::{View, ViewCursors};
use crate::error::ViewError;

/// The columns that [`all`] takes.
pub(in crate::views) const ALL: &str =
    "SELECT view, partition, position, event_id, topic_offset FROM view_cursor";

/// Every partition's cursors, in order of partition.
pub(in crate::views) fn all(
    rows: impl Iterator<Item = impl Columns>,
) -> Result<Vec<(Partition, ViewCursors)>, ViewError> {
    let mut cursors: BTreeMap<Partition, ViewCursors> = BTreeMap::new();
    for columns in rows {
        let event_id = columns.optional_id(3)?.map(EventId::from_uuid);
        let (partition, position) = (columns.partition(1)?, columns.count(2)?);
        let topic_offset = columns.optional_count(4)?;
        // A view that another build keeps here is none of ours.
        let Some(view) = View::parse(columns.text(0)?) else { continue };
        let of_partition = cursors.entry(partition);
        let of_partition =
            of_partition.or_insert(ViewCursors { topic_offset, ..ViewCursors::default() });
        of_partition.set(view, Cursor { position, event_id });
        // A view that was put back to its start has none, and needs all.
        of_partition.topic_offset = of_partition.topic_offset.min(topic_offset);
    }
    Ok(cursors.into_iter().collect())
}

/// Positions or counts by partition, of rows of `partition, position`.
pub(in crate::views) fn positions(
    rows: impl Iterator<Item = impl Columns>,
) -> Result<Vec<(Partition, u64)>, ViewError> {
    rows.map(|columns| Ok((columns.partition(0)?, columns.count(1)?))).collect()
}

/// Whether the cursors are there; refuses those of a ledger with another number of partitions,
/// saying what to do.
pub(in crate::views) fn check(
    known: usize,
    partitions: u16,
    what_to_do: &str,
) -> Result<bool, ViewError> {
    if known == 0 || known == usize::from(partitions) {
        return Ok(known > 0);
    }
    Err(ViewError::Store(StoreError::Refused(format!(
        "the views were made for {known} partitions and the ledger has {partitions}: they belong to \
         another ledger; {what_to_do}"
    ))))
}
