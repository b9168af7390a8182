//! From the ledger to the wire.

use std::fmt::Write;

use crate::ids::Partition;
use crate::ledger::{Incarnations, LedgerIdentity, Recorded};

use super::{CONTENT_TYPE, SPEC_VERSION, header, source_of};

/// An event as it is handed to a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub partition: Partition,
    pub position: u64,
    pub key: &'a str,
    pub value: &'a str,
    headers: [(&'static str, &'a str); 9],
    begun_after: Option<&'a str>,
    traceparent: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Names and values, in the order in which they are sent.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'a str)> + Clone {
        let begun_after = self.begun_after.map(|value| (header::BEGUN_AFTER, value));
        let traceparent = self.traceparent.map(|value| (header::TRACEPARENT, value));
        self.headers.into_iter().chain(begun_after).chain(traceparent)
    }

    /// Bytes of key, value and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers().map(|(name, value)| name.len() + value.len()).sum();
        headers.saturating_add(self.key.len()).saturating_add(self.value.len())
    }
}

/// Writes events as records, one after another in the same buffers.
#[derive(Debug)]
pub struct RecordWriter {
    incarnations: Incarnations,
    current: u32,
    source: String,
    incarnation: String,
    key: String,
    event_id: String,
    time: String,
    position: String,
    version: String,
    begun_after: String,
}

impl RecordWriter {
    #[must_use]
    pub fn new(ledger: &LedgerIdentity, incarnations: &Incarnations) -> Self {
        Self {
            incarnations: incarnations.clone(),
            current: ledger.incarnation,
            source: source_of(ledger.id),
            incarnation: ledger.incarnation.to_string(),
            key: String::new(),
            event_id: String::new(),
            time: String::new(),
            position: String::new(),
            version: String::new(),
            begun_after: String::new(),
        }
    }

    /// Writes as the ledger's relay did in this incarnation.
    pub fn set_incarnation(&mut self, incarnation: u32) {
        self.current = incarnation;
        set(&mut self.incarnation, incarnation);
    }

    /// The record of an event; the next call takes its place.
    pub fn write<'a>(&'a mut self, recorded: &'a Recorded) -> Record<'a> {
        set(&mut self.key, recorded.payment_id);
        set(&mut self.event_id, recorded.event_id);
        set(&mut self.time, recorded.recorded_at);
        set(&mut self.position, recorded.position);
        set(&mut self.version, recorded.version);
        let begun_after = self.incarnations.begun_after(recorded.partition, self.current);
        set(&mut self.begun_after, begun_after.unwrap_or_default());
        Record {
            partition: recorded.partition,
            position: recorded.position,
            key: &self.key,
            value: &recorded.data,
            headers: [
                (header::SPEC_VERSION, SPEC_VERSION),
                (header::ID, &self.event_id),
                (header::SOURCE, &self.source),
                (header::TYPE, &recorded.event_type),
                (header::TIME, &self.time),
                (header::CONTENT_TYPE, CONTENT_TYPE),
                (header::POSITION, &self.position),
                (header::VERSION, &self.version),
                (header::INCARNATION, &self.incarnation),
            ],
            begun_after: begun_after.map(|_| self.begun_after.as_str()),
            traceparent: recorded.traceparent.as_deref(),
        }
    }
}

fn set(text: &mut String, value: impl std::fmt::Display) {
    text.clear();
    // Writing to a string can't fail.
    let _ = write!(text, "{value}");
}
