//! Reading from the broker in memory.

use std::pin::pin;
use std::time::Duration;

use crate::ids::Partition;
use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::MemoryBroker;
use crate::broker::{BrokerError, Reader};
use crate::record::TopicRecord;

#[derive(Debug)]
pub(super) struct MemoryReader {
    broker: MemoryBroker,
    next: Vec<(Partition, u64)>,
}

impl MemoryReader {
    pub(super) fn new(broker: MemoryBroker, from: &[(Partition, u64)]) -> Self {
        Self { broker, next: from.to_vec() }
    }

    fn read(&mut self, limit: usize) -> Result<Vec<TopicRecord>, BrokerError> {
        let mut state = self.broker.state();
        let mut read = Vec::new();
        for (partition, next) in &mut self.next {
            let Some(log) = state.log(*partition) else {
                return Err(BrokerError::OutOfRange("there is no such topic".to_owned()));
            };
            if *next < log.first || *next > log.end() {
                return Err(BrokerError::OutOfRange(format!(
                    "partition {partition} has no offset {next}"
                )));
            }
            let from = log.records.iter().filter(|record| record.offset >= *next);
            let records = from.take(limit.saturating_sub(read.len()));
            let before = read.len();
            read.extend(records.cloned());
            *next = next.saturating_add((read.len() - before) as u64);
        }
        Ok(read)
    }
}

#[async_trait]
impl Reader for MemoryReader {
    async fn next(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<TopicRecord>, BrokerError> {
        let deadline = Instant::now() + patience;
        let broker = self.broker.clone();
        loop {
            let mut grew = pin!(broker.0.grew.notified());
            grew.as_mut().enable();
            if !broker.is_up() {
                broker.answer().await?;
            }
            let read = self.read(limit)?;
            if !read.is_empty() {
                return Ok(read);
            }
            if timeout_at(deadline, grew).await.is_err() {
                return Ok(read);
            }
        }
    }

    async fn close(self: Box<Self>) {}
}
