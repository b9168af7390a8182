//! The port to a broker's one topic: opening it, producing to it, reading it.
//!
//! The relay and the projections' feed know nothing else, so they run the same on Kafka and on a
//! broker in memory that fails when a test says so.

mod deliveries;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod topic;

pub use deliveries::{Acknowledged, Deliveries, Trouble};

use std::sync::Arc;
use std::time::Duration;

use self::topic::{TopicFacts, TopicName, TopicSettings};
use crate::ids::Partition;
use crate::record::{DeadLetter, Record, TopicRecord};
use crate::seal::ExportedSeal;
use async_trait::async_trait;

/// Why a broker did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Nobody answered, or not in time.
    #[error("no broker can be reached: {0}")]
    Unreachable(String),
    /// A broker answered with a refusal.
    #[error("{0}")]
    Refused(String),
    /// What was to be read is not there: retention has deleted it, or the topic is another one under
    /// the same name.
    #[error("{0}")]
    OutOfRange(String),
}

/// A stretch of one partition of the topic: offsets `first` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    pub partition: Partition,
    /// The oldest record that is still held; it grows where retention has deleted some.
    pub first: u64,
    /// The offset that the next record gets.
    pub end: u64,
}

/// Why a record was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The producer holds as much as it may: the same record again, a moment later.
    Full,
    /// It will never be taken by this producer.
    Failed(String),
}

/// The port.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// The topic's name.
    fn name(&self) -> &TopicName;

    /// What there is of the topic; `None` where there is none.
    ///
    /// # Errors
    /// When no broker can be asked.
    async fn topic(&self) -> Result<Option<TopicFacts>, BrokerError>;

    /// Creates the topic. That it was created meanwhile is no error.
    ///
    /// # Errors
    /// When it can't be created.
    async fn create_topic(
        &self,
        partitions: u16,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError>;

    /// How these partitions begin and end, in their order.
    ///
    /// # Errors
    /// When no broker can be asked.
    async fn offsets(&self, partitions: &[Partition]) -> Result<Vec<Offsets>, BrokerError>;

    /// A producer that tells `deliveries` what becomes of each record.
    ///
    /// # Errors
    /// When the settings are unusable.
    fn producer(&self, deliveries: Arc<Deliveries>) -> Result<Box<dyn Producer>, BrokerError>;

    /// A reader of these partitions, each from an offset on.
    ///
    /// # Errors
    /// When the settings are unusable.
    fn reader(&self, from: &[(Partition, u64)]) -> Result<Box<dyn Reader>, BrokerError>;

    /// Writes these into the topic beside ([`TopicName::dead_letters`]), in their order, and returns
    /// when all of them are acknowledged; creates that topic where there is none.
    ///
    /// # Errors
    /// When one was not acknowledged in time; then any of them may have been written.
    async fn write_dead_letters(
        &self,
        letters: &[DeadLetter],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError>;

    /// Writes these into the topic of seals ([`TopicName::seals`]): key is the partition's number, value
    /// the line of JSON. As [`Broker::write_dead_letters`].
    ///
    /// # Errors
    /// When one was not acknowledged in time; then any of them may have been written.
    async fn write_seals(
        &self,
        seals: &[ExportedSeal],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError>;
}

/// Sends records, each partition's in the order in which they are handed over. Once one has failed
/// none of its partition that was handed over later may be written.
#[async_trait]
pub trait Producer: Send + Sync {
    /// Takes the record or says why not; never waits.
    ///
    /// # Errors
    /// [`NotSent`]; what was handed over before is not touched.
    fn send(&self, record: &Record<'_>) -> Result<(), NotSent>;

    /// Gives up what was not acknowledged yet, and ends.
    async fn close(self: Box<Self>);
}

/// Reads records, each partition's in the order of their offsets.
#[async_trait]
pub trait Reader: Send {
    /// The next records, at most `limit`; none where none came for as long as `patience`.
    ///
    /// # Errors
    /// When the topic can't be read on from where the reader stands: [`BrokerError::OutOfRange`] where
    /// it never can.
    async fn next(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<TopicRecord>, BrokerError>;

    /// Ends it.
    async fn close(self: Box<Self>);
}
