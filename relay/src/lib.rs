//! The relay: the part of the ledger that Kafka has not seen yet, streamed there in order.
//!
//! A record stands in the topic's partition of the same number as in the ledger, and every partition
//! of the topic holds its events in the order of their positions: repeats may stand in between, a
//! first occurrence never comes before that of the position below it. Nothing is marked in the
//! ledger: how far the topic is, is a cursor.

pub mod adoption;
pub mod breaker;
pub mod cursors;
pub mod kafka;
mod relay;
pub mod rewind;
pub mod seals;
pub mod verify;

pub use relay::{
    Outbox, Relay, RelayError, RelayFoundations, RelayHealth, RelayMetrics, RelaySettings, outbox,
};
