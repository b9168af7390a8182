//! Who else reads the ledger, and how far each says it has got.

use daybook_engine::broker::topic::TopicName;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::verify::Reader;

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, ReaderStores};

/// The workers, and the relay to each topic that it knows.
pub(super) struct Readers {
    stores: ReaderStores,
    topics: Vec<TopicName>,
}

impl Readers {
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let stores = wiring::open_readers(config).await?;
        let mut topics = stores.topics.topics().await?;
        // Their cursors count seals, and who publishes those puts them right by itself.
        let of_seals: Vec<_> = topics.iter().map(TopicName::seals).collect();
        topics.retain(|topic| !of_seals.contains(topic));
        Ok(Self { stores, topics })
    }

    pub(super) async fn of(&self, partition: Partition) -> Result<Vec<Reader>, StoreError> {
        let mut readers = Vec::with_capacity(self.topics.len().saturating_add(1));
        let cursors = self.stores.work.cursors(&[partition]).await?;
        let workers = cursors.into_iter();
        readers.extend(workers.map(|cursor| Reader { name: "the workers".to_owned(), cursor }));
        for topic in &self.topics {
            let cursors = self.stores.cursors.load(topic, &[partition]).await?;
            let name = format!("the relay to {topic}");
            let published = cursors.into_iter().map(|cursor| cursor.published);
            readers.extend(published.map(|cursor| Reader { name: name.clone(), cursor }));
        }
        Ok(readers)
    }
}
