//! One partition on its way: read, sent, acknowledged, saved.

use std::collections::VecDeque;

use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, Partition};
use daybook_engine::ledger::Recorded;

use crate::cursors::{CursorMove, RelayCursor};
use daybook_engine::broker::Acknowledged;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Publishing,
    /// Another process is to have it: let go as soon as all that was sent is acknowledged and saved.
    Leaving,
    /// Its cursor was moved by somebody else: begun again from there, as soon as nothing is in
    /// flight that would be taken for what is sent then.
    Superseded,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) phase: Phase,
    /// As the store has it, as far as is known.
    pub(super) saved: RelayCursor,
    /// What the store was asked to save when it did not answer.
    pub(super) attempted: Option<RelayCursor>,
    /// Everything up to here is in the topic.
    pub(super) acknowledged: RelayCursor,
    /// Sent after that, in order.
    pub(super) in_flight: VecDeque<EventId>,
    /// Read after that, in order.
    pub(super) unsent: VecDeque<Recorded>,
    /// The last event that was read.
    pub(super) read: Cursor,
}

impl Track {
    pub(super) const fn begin(saved: RelayCursor) -> Self {
        Self {
            phase: Phase::Publishing,
            saved,
            attempted: None,
            acknowledged: saved,
            in_flight: VecDeque::new(),
            unsent: VecDeque::new(),
            read: saved.published,
        }
    }

    /// Whether there is room for another read.
    pub(super) fn wants_more(&self, unsent_max: usize) -> bool {
        self.phase == Phase::Publishing && self.unsent.len() < unsent_max
    }

    pub(super) fn take(&mut self, events: Vec<Recorded>) {
        if let Some(last) = events.last() {
            self.read = Cursor::at(last);
        }
        self.unsent.extend(events);
    }

    /// Takes up what was acknowledged; how many records.
    pub(super) fn settle(&mut self, now: Acknowledged) -> usize {
        let count = now.position.saturating_sub(self.acknowledged.published.position);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.in_flight.len());
        let Some(event_id) = self.in_flight.drain(..count).next_back() else {
            return 0;
        };
        self.acknowledged = RelayCursor {
            published: Cursor { position: now.position, event_id: Some(event_id) },
            offset: now.offset,
            begun_after: now.begun_after.unwrap_or(self.acknowledged.begun_after),
        };
        count
    }

    /// What is to be saved; `None` where the store has it already.
    pub(super) fn unsaved(&self, partition: Partition) -> Option<CursorMove> {
        let change = CursorMove { partition, from: self.saved.published, to: self.acknowledged };
        let is_ours = self.phase != Phase::Superseded;
        (is_ours && self.acknowledged != self.saved).then_some(change)
    }

    /// Sends nothing more.
    pub(super) fn end(&mut self, phase: Phase) {
        if self.phase != Phase::Superseded {
            self.phase = phase;
        }
        self.unsent.clear();
    }

    pub(super) fn has_ended(&self, partition: Partition) -> bool {
        self.phase != Phase::Publishing
            && self.in_flight.is_empty()
            && self.unsaved(partition).is_none()
    }

    /// Nothing read is unsent, nothing sent is unacknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.unsent.is_empty() && self.in_flight.is_empty()
    }
}
