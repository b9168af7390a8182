//! What an event is on the wire: a public contract, `schemas/` has it as JSON Schema.
//!
//! The topic's partition is the ledger's, the key is the payment's id as text, the value is the
//! event's `data` byte for byte. The headers are those of CloudEvents 1.0 (Kafka, binary mode), and
//! what the ledger knows beside the event: its position, the payment's version, the ledger's
//! incarnation and, after a restore, where that began, and the trace context that the event was recorded
//! with, where there was one.

mod dead_letter;
mod read;
mod write;

pub use dead_letter::DeadLetter;
pub use read::{Malformed, Published, claimed_position};
pub use write::{Record, RecordWriter};

use crate::ids::{LedgerId, Partition};

/// The headers' names.
pub mod header {
    pub const SPEC_VERSION: &str = "ce_specversion";
    pub const ID: &str = "ce_id";
    pub const TYPE: &str = "ce_type";
    pub const SOURCE: &str = "ce_source";
    pub const TIME: &str = "ce_time";
    pub const CONTENT_TYPE: &str = "content-type";
    pub const POSITION: &str = "daybook_position";
    pub const VERSION: &str = "daybook_version";
    pub const INCARNATION: &str = "daybook_incarnation";
    /// In incarnations from the second on: up to this position they hold what the one before had written.
    pub const BEGUN_AFTER: &str = "daybook_begun_after";
    pub const TRACEPARENT: &str = "traceparent";
    /// Of dead letters only: why, and where the record stands.
    pub const CAUSE: &str = "daybook_cause";
    pub const ORIGIN_TOPIC: &str = "daybook_origin_topic";
    pub const ORIGIN_PARTITION: &str = "daybook_origin_partition";
    pub const ORIGIN_OFFSET: &str = "daybook_origin_offset";
}

const SPEC_VERSION: &str = "1.0";
const CONTENT_TYPE: &str = "application/json";

/// A bound on the bytes of key and headers of one record: beyond the value's own, this is what a
/// transport must take.
pub const ENVELOPE_BYTES_MAX: usize = 4 * 1024;

/// `ce_source` of a ledger's events.
#[must_use]
pub fn source_of(ledger: LedgerId) -> String {
    format!("{SOURCE_PREFIX}{ledger}")
}

const SOURCE_PREFIX: &str = "/daybook/";

/// A record as a topic holds it, nothing believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    pub partition: Partition,
    pub offset: u64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// In order, and perhaps some twice.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}
