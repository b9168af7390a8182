//! Parked payments: set aside because an event of theirs can't be processed. Their later events wait
//! behind it, and every other payment goes on.

use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::ledger::Recorded;

use super::columns::Columns;
use super::{Batch, DecodedEvent, PaymentTexts, View, ViewCursors};
use crate::error::ViewError;

/// A payment as it is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedPayment {
    pub partition: Partition,
    pub payment_id: PaymentId,
    /// Where the event stands that can't be processed.
    pub position: u64,
    /// Why it can't.
    pub cause: String,
    pub parked_at: Timestamp,
    /// The position from which on each view has none of its events; `None` where the view has all.
    from: [Option<u64>; View::ALL.len()],
}

impl ParkedPayment {
    /// Whether `view` leaves the payment's event at `position` out.
    #[must_use]
    pub fn holds_back(&self, view: View, position: u64) -> bool {
        self.from[view as usize].is_some_and(|from| from <= position)
    }

    /// Of the payment's events, those that `view` has passed and left out.
    pub(super) fn left_out<'e>(
        &self,
        view: View,
        cursors: &ViewCursors,
        events: &'e [DecodedEvent],
    ) -> &'e [DecodedEvent] {
        let end = cursors.of(view).position;
        let first = events.partition_point(|(event, _)| !self.holds_back(view, event.position));
        let last = events.partition_point(|(event, _)| event.position <= end);
        events.get(first..last).unwrap_or_default()
    }
}

/// Parked payments by partition and id.
#[derive(Clone, Debug, Default)]
pub struct ParkedPayments(BTreeMap<(Partition, PaymentId), ParkedPayment>);

/// The columns that [`ParkedPayments::read`] takes.
pub(super) const COLUMNS: &str =
    "partition, payment_id, view, from_position, position, cause, parked_at";

impl ParkedPayments {
    /// From rows of [`COLUMNS`].
    pub(super) fn read(rows: impl Iterator<Item = impl Columns>) -> Result<Self, ViewError> {
        let mut parked = Self::default();
        for columns in rows {
            let (partition, payment_id) = (columns.partition(0)?, columns.payment_id(1)?);
            let (position, from_position) = (columns.count(4)?, columns.count(3)?);
            // A view that another build keeps here is none of ours.
            let Some(view) = View::parse(columns.text(2)?) else { continue };
            let payment = ParkedPayment {
                partition,
                payment_id,
                position,
                cause: columns.text(5)?.to_owned(),
                parked_at: columns.time(6)?,
                from: Default::default(),
            };
            let known = parked.0.entry((partition, payment_id)).or_insert(payment);
            known.from[view as usize] = Some(from_position);
        }
        Ok(parked)
    }

    #[must_use]
    pub fn of(&self, partition: Partition, payment_id: PaymentId) -> Option<&ParkedPayment> {
        self.0.get(&(partition, payment_id))
    }

    /// Whether `view` leaves this event out.
    #[must_use]
    pub fn hold_back(&self, view: View, recorded: &Recorded) -> bool {
        !self.0.is_empty()
            && self
                .of(recorded.partition, recorded.payment_id)
                .is_some_and(|payment| payment.holds_back(view, recorded.position))
    }

    /// In order of partition and payment.
    pub fn iter(&self) -> impl Iterator<Item = &ParkedPayment> {
        self.0.values()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A parked payment that is to be taken up again.
#[derive(Clone, Copy, Debug)]
pub struct Unparking<'e> {
    pub partition: Partition,
    pub payment_id: PaymentId,
    /// Where the views stood before its events were read.
    pub cursors: ViewCursors,
    /// All its events up to there, at least, in the order of their versions.
    pub events: &'e [DecodedEvent],
    /// What the ledger holds of its texts.
    pub texts: &'e PaymentTexts,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Unparked {
    /// Every view has its events, and it is parked no more.
    Done,
    /// It is not parked; nothing changed.
    NotParked,
    /// The views have moved on meanwhile; nothing changed.
    Superseded,
}

/// One row for each view of each payment that is parked with a batch.
pub(super) struct NewRow<'b> {
    pub(super) partition: Partition,
    pub(super) payment_id: PaymentId,
    pub(super) view: View,
    /// A view that is ahead has the events before its cursor, and keeps them.
    pub(super) from_position: u64,
    pub(super) position: u64,
    pub(super) cause: &'b str,
    pub(super) at: Timestamp,
}

pub(super) fn new_rows(batches: &[Batch]) -> Vec<NewRow<'_>> {
    let of_batch = |batch: &'_ Batch| batch.parking.len();
    let mut rows =
        Vec::with_capacity(batches.iter().map(of_batch).sum::<usize>() * View::ALL.len());
    for batch in batches {
        for parking in &batch.parking {
            rows.extend(View::ALL.map(|view| NewRow {
                partition: batch.partition,
                payment_id: parking.payment_id,
                view,
                from_position:
                    parking.position.max(batch.cursors.of(view).position.saturating_add(1)),
                position: parking.position,
                cause: &parking.cause,
                at: parking.at,
            }));
        }
    }
    rows
}

/// The payments of these batches, each once.
pub(super) fn payments_of(batches: &[Batch]) -> Vec<(Partition, PaymentId)> {
    let of_batch = |batch: &'_ Batch| {
        let partition = batch.partition;
        batch.events.iter().map(move |(event, _)| (partition, event.payment_id)).collect::<Vec<_>>()
    };
    let mut payments: Vec<_> = batches.iter().flat_map(of_batch).collect();
    payments.sort_unstable();
    payments.dedup();
    payments
}
