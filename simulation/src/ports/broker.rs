//! The broker as one process reaches it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::broker::memory::MemoryBroker;
use daybook_engine::broker::topic::{TopicFacts, TopicName, TopicSettings};
use daybook_engine::broker::{Broker, BrokerError, Deliveries, NotSent, Offsets, Producer, Reader};
use daybook_engine::ids::Partition;
use daybook_engine::record::{DeadLetter, Record, TopicRecord};
use daybook_engine::seal::ExportedSeal;

use crate::door::{Door, Risk};
use crate::faults::Fault;

pub(crate) struct BrokerPort {
    pub(crate) door: Arc<Door>,
    pub(crate) broker: MemoryBroker,
}

#[async_trait]
impl Broker for BrokerPort {
    fn name(&self) -> &TopicName {
        self.broker.name()
    }

    async fn topic(&self) -> Result<Option<TopicFacts>, BrokerError> {
        self.door.cross("look at the topic", Risk::Look, self.broker.topic()).await
    }

    async fn create_topic(
        &self,
        partitions: u16,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        let create = self.broker.create_topic(partitions, settings);
        self.door.cross("topic created", Risk::Change, create).await
    }

    async fn offsets(&self, partitions: &[Partition]) -> Result<Vec<Offsets>, BrokerError> {
        self.door.cross("read of offsets", Risk::Look, self.broker.offsets(partitions)).await
    }

    fn producer(&self, deliveries: Arc<Deliveries>) -> Result<Box<dyn Producer>, BrokerError> {
        let (door, broker) = (self.door.clone(), self.broker.clone());
        let producer = self.broker.producer(deliveries)?;
        Ok(Box::new(ProducerPort { door, broker, producer }))
    }

    fn reader(&self, from: &[(Partition, u64)]) -> Result<Box<dyn Reader>, BrokerError> {
        let (door, reader) = (self.door.clone(), self.broker.reader(from)?);
        Ok(Box::new(ReaderPort { door, reader }))
    }

    async fn write_dead_letters(
        &self,
        letters: &[DeadLetter],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        let write = self.broker.write_dead_letters(letters, settings);
        self.door.cross("dead letters written", Risk::Change, write).await
    }

    async fn write_seals(
        &self,
        seals: &[ExportedSeal],
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        let write = self.broker.write_seals(seals, settings);
        self.door.cross("seals written", Risk::Change, write).await
    }
}

struct ProducerPort {
    door: Arc<Door>,
    broker: MemoryBroker,
    producer: Box<dyn Producer>,
}

#[async_trait]
impl Producer for ProducerPort {
    fn send(&self, record: &Record<'_>) -> Result<(), NotSent> {
        if self.door.is_dead() {
            return Err(NotSent::Full);
        }
        self.producer.send(record)?;
        let (partition, position) = (record.partition, record.position);
        self.door.note(|| format!("record {partition}:{position} sent"));
        if self.door.fails(Fault::RecordFailed, 150) {
            self.broker.fail(partition, position);
        } else if self.door.fails(Fault::RecordLost, 150) {
            self.broker.lose_answer(partition, position);
        }
        Ok(())
    }

    async fn close(self: Box<Self>) {
        self.producer.close().await;
    }
}

struct ReaderPort {
    door: Arc<Door>,
    reader: Box<dyn Reader>,
}

#[async_trait]
impl Reader for ReaderPort {
    async fn next(
        &mut self,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<TopicRecord>, BrokerError> {
        let Self { door, reader } = self;
        door.cross("read of the topic", Risk::Look, reader.next(limit, patience)).await
    }

    async fn close(self: Box<Self>) {
        self.reader.close().await;
    }
}
