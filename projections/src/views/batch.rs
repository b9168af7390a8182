//! What a view store is given to apply.

use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{Partition, PaymentId};

use super::parked::ParkedPayments;
use super::{DecodedEvent, PaymentTexts, View, ViewCursors};

/// The next events of one partition, without a gap but for those that can't be read.
#[derive(Clone, Debug)]
pub struct Batch {
    pub partition: Partition,
    /// Where every view stood: the first event follows the lowest of them.
    pub cursors: ViewCursors,
    pub events: Vec<DecodedEvent>,
    /// What the ledger held of its payments' texts when it was asked, after it was read.
    pub texts: PaymentTexts,
    /// Where it ends: its last event, whether it can be read or not.
    pub end: Cursor,
    /// Where reading of the topic goes on behind it; `None` where it goes on as before.
    pub topic_offset: Option<u64>,
    /// The payments to be parked with it.
    pub parking: Vec<Parking>,
}

/// A payment to be set aside from its event at `position` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parking {
    pub payment_id: PaymentId,
    pub position: u64,
    pub cause: String,
    pub at: Timestamp,
}

impl Batch {
    /// A batch that ends with its last event.
    #[must_use]
    pub fn new(partition: Partition, cursors: ViewCursors, events: Vec<DecodedEvent>) -> Self {
        let end = events.last().map(|(last, _)| Cursor::at(last)).unwrap_or_default();
        let (texts, parking) = (PaymentTexts::new(), Vec::new());
        Self { partition, cursors, events, texts, end, topic_offset: None, parking }
    }

    /// Where every view stands once the batch is applied.
    #[must_use]
    pub fn end(&self) -> ViewCursors {
        let moved = self.cursors.moved_to(self.end);
        ViewCursors { topic_offset: self.topic_offset.or(self.cursors.topic_offset), ..moved }
    }

    /// How many positions it moves the view that is furthest behind.
    #[must_use]
    pub fn positions(&self) -> usize {
        let positions = self.end.position.saturating_sub(self.cursors.lowest().position);
        usize::try_from(positions).unwrap_or(usize::MAX)
    }

    /// The events that `view` has not seen and that are not held back, in stretches.
    pub(super) fn new_to<'b>(
        &'b self,
        view: View,
        parked: &'b ParkedPayments,
    ) -> impl Iterator<Item = &'b [DecodedEvent]> {
        let seen = self.cursors.of(view).position;
        let first = self.events.partition_point(|(recorded, _)| recorded.position <= seen);
        let new = self.events.get(first..).unwrap_or_default();
        let stretches = new.split(move |(recorded, _)| parked.hold_back(view, recorded));
        stretches.filter(|stretch| !stretch.is_empty())
    }

    /// Parks a payment with it, from the first of its events that can't be processed.
    pub fn park(&mut self, parking: Parking) {
        let known = self.parking.iter_mut().find(|known| known.payment_id == parking.payment_id);
        match known {
            Some(known) if known.position <= parking.position => {}
            Some(known) => *known = parking,
            None => self.parking.push(parking),
        }
    }

    /// Its two halves, to be applied one after the other; itself alone where it has one event at most.
    #[must_use]
    pub fn halves(mut self) -> (Self, Option<Self>) {
        let middle = self.events.len() / 2;
        if middle == 0 {
            return (self, None);
        }
        let later = self.events.split_off(middle);
        let mut first = Self::new(self.partition, self.cursors, self.events);
        let mut second = Self::new(self.partition, first.end(), later);
        second.end = self.end;
        second.topic_offset = self.topic_offset;
        first.texts.clone_from(&self.texts);
        second.texts = self.texts;
        for parking in self.parking {
            let is_of_first = parking.position <= first.end.position;
            if is_of_first { &mut first } else { &mut second }.park(parking);
        }
        (first, Some(second))
    }
}
