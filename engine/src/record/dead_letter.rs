//! What a reader could make nothing of, as it is put aside for people.

use super::{TopicRecord, header};
use crate::broker::topic::TopicName;

/// Written to the topic beside; its headers are the record's own with the cause and the origin behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl DeadLetter {
    /// A copy of the record that stands in `topic`.
    #[must_use]
    pub fn of(record: &TopicRecord, topic: &TopicName, cause: &str) -> Self {
        let added = [
            (header::CAUSE, cause.to_owned()),
            (header::ORIGIN_TOPIC, topic.to_string()),
            (header::ORIGIN_PARTITION, record.partition.to_string()),
            (header::ORIGIN_OFFSET, record.offset.to_string()),
        ];
        let added = added.map(|(name, value)| (name.to_owned(), Some(value.into_bytes())));
        let headers = record.headers.iter().cloned().chain(added).collect();
        Self { key: record.key.clone(), value: record.value.clone(), headers }
    }
}
