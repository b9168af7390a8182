//! The topic: created where there is none, checked where there is one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::ledger::MAX_EVENT_BYTES;

use crate::broker::{Broker, BrokerError};
use crate::record::ENVELOPE_BYTES_MAX;

/// A record of this size is taken by the topic and by the producer: more than the ledger's largest
/// event with its key and headers, with room for what a batch adds.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(MAX_EVENT_BYTES + ENVELOPE_BYTES_MAX < RECORD_BYTES_MAX / 2);

/// A topic's name, as Kafka allows it: 1 to 249 of `a-z A-Z 0-9 . _ -`, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicName(String);

/// The longest name that leaves room for what is put behind it (`.dead-letters`).
const NAME_MAX: usize = 230;

impl TopicName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the ledger's seals go.
    #[must_use]
    pub fn seals(&self) -> Self {
        Self(format!("{}.seals", self.0))
    }

    /// Where copies of records go that no reader could make anything of.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        Self(format!("{}.dead-letters", self.0))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=NAME_MAX).contains(&text.len())
            && text.bytes().all(is_allowed)
            && text != "."
            && text != "..";
        let error = || format!("must be 1 to {NAME_MAX} of a-z, A-Z, 0-9, '.', '_' and '-'");
        is_name.then(|| Self(text.to_owned())).ok_or_else(error)
    }
}

/// How a topic that is missing is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// How long the topic keeps a record after it was published; [`FOR_EVER`] keeps all.
    pub retention: Duration,
    /// `None`: as the brokers have it.
    pub replication_factor: Option<u16>,
}

/// The retention of a topic whose records are never deleted.
pub const FOR_EVER: Duration = Duration::MAX;

impl Default for TopicSettings {
    fn default() -> Self {
        Self { retention: Duration::from_secs(7 * 86_400), replication_factor: None }
    }
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    pub partitions: usize,
    /// `None` where the brokers don't let it be read.
    pub policy: Option<TopicPolicy>,
}

/// What brokers do with its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPolicy {
    /// The largest batch that is taken.
    pub record_bytes_max: usize,
    /// Whether old records of a key go when there is a new one.
    pub is_compacted: bool,
    pub retention: Option<Duration>,
}

/// Why the topic can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// As it is it never can: says what to do.
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicFound {
    Checked,
    Created,
}

/// Creates the topic, or checks that the one there can hold the ledger's events.
///
/// # Errors
/// [`TopicError::Unusable`] where it can't; else where no broker can be asked.
pub async fn open_topic(
    broker: &dyn Broker,
    partitions: u16,
    settings: &TopicSettings,
) -> Result<TopicFound, TopicError> {
    if let Some(facts) = broker.topic().await? {
        return check(broker.name(), partitions, &facts).map(|()| TopicFound::Checked);
    }
    broker.create_topic(partitions, settings).await?;
    // Another process may have been faster, with other partitions.
    if let Some(facts) = broker.topic().await? {
        check(broker.name(), partitions, &facts)?;
    }
    tracing::info!(topic = %broker.name(), partitions, "created the topic");
    Ok(TopicFound::Created)
}

/// Whether the topic can hold the events of a ledger with so many partitions.
///
/// # Errors
/// [`TopicError::Unusable`].
pub fn check(name: &TopicName, partitions: u16, facts: &TopicFacts) -> Result<(), TopicError> {
    if facts.partitions != usize::from(partitions) {
        return Err(TopicError::Unusable(format!(
            "the topic {name} has {} partitions and the ledger {partitions}: an event stands in \
             the topic's partition of the same number, so they must be equal; name another topic \
             with --kafka-topic, or delete this one and it is created anew",
            facts.partitions
        )));
    }
    let Some(policy) = &facts.policy else {
        return Ok(());
    };
    if policy.is_compacted {
        return Err(TopicError::Unusable(format!(
            "the topic {name} is compacted, which deletes all but the last event of a payment: set \
             its cleanup.policy to delete"
        )));
    }
    let needed = MAX_EVENT_BYTES.saturating_add(ENVELOPE_BYTES_MAX);
    if policy.record_bytes_max < needed {
        return Err(TopicError::Unusable(format!(
            "the topic {name} takes records up to {} bytes, and an event may need {needed}: raise \
             its max.message.bytes to {RECORD_BYTES_MAX}",
            policy.record_bytes_max
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> TopicName {
        "daybook.payments".parse().unwrap()
    }

    fn policy() -> TopicPolicy {
        TopicPolicy { record_bytes_max: RECORD_BYTES_MAX, is_compacted: false, retention: None }
    }

    fn refusal(facts: &TopicFacts) -> String {
        match check(&name(), 16, facts) {
            Err(TopicError::Unusable(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_topic_with_the_ledgers_partitions_is_usable() {
        for policy in [Some(policy()), None] {
            assert_eq!(check(&name(), 16, &TopicFacts { partitions: 16, policy }), Ok(()));
        }
    }

    #[test]
    fn another_number_of_partitions_is_refused_with_both_numbers() {
        let message = refusal(&TopicFacts { partitions: 12, policy: None });
        assert!(message.contains("12 partitions and the ledger 16"), "{message}");
    }

    #[test]
    fn a_compacted_topic_is_refused() {
        let policy = Some(TopicPolicy { is_compacted: true, ..policy() });
        assert!(refusal(&TopicFacts { partitions: 16, policy }).contains("cleanup.policy"));
    }

    #[test]
    fn a_topic_that_takes_too_small_records_is_refused() {
        let policy = Some(TopicPolicy { record_bytes_max: MAX_EVENT_BYTES, ..policy() });
        assert!(refusal(&TopicFacts { partitions: 16, policy }).contains("max.message.bytes"));
    }

    #[test]
    fn a_topics_name_is_one_that_kafka_takes() {
        for name in ["daybook.payments", "a", "A_b-9"] {
            assert_eq!(name.parse::<TopicName>().unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a b", "ä", &"x".repeat(231)] {
            assert!(name.parse::<TopicName>().is_err(), "{name:?}");
        }
    }
}
