//! The topics of a restored ledger: where they have more than it holds, the relay goes back.

use async_trait::async_trait;
use daybook_engine::adoption::{Follower, Standing};
use daybook_engine::broker::topic::TopicName;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Head, Ledger, StoreError};

use crate::cursors::{CursorMove, KnownTopics, RelayCursor, RelayCursors};

/// How far a partition of a topic is, and how that stands to the ledger.
type Published = (Partition, RelayCursor, Standing);

/// The relay's cursors.
pub struct Topics<'a> {
    cursors: &'a dyn RelayCursors,
    known: &'a dyn KnownTopics,
    /// With their cursors, by partition; those of seals are put right by who publishes them.
    found: Vec<(TopicName, Vec<Published>)>,
}

impl<'a> Topics<'a> {
    #[must_use]
    pub const fn new(cursors: &'a dyn RelayCursors, known: &'a dyn KnownTopics) -> Self {
        Self { cursors, known, found: Vec::new() }
    }
}

#[async_trait]
impl Follower for Topics<'_> {
    async fn look(
        &mut self,
        ledger: &dyn Ledger,
        heads: &[Head],
    ) -> Result<Vec<(Partition, Standing)>, StoreError> {
        let known = self.known.topics().await?;
        let partitions: Vec<_> = heads.iter().map(|head| head.partition).collect();
        for topic in &known {
            if known.iter().any(|other| other.seals() == *topic) {
                continue;
            }
            let cursors = self.cursors.load(topic, &partitions).await?;
            let mut published = Vec::new();
            for (head, cursor) in heads.iter().zip(cursors) {
                let standing = Standing::of(ledger, *head, cursor.published).await?;
                published.push((head.partition, cursor, standing));
            }
            self.found.push((topic.clone(), published));
        }
        let all = self.found.iter().flat_map(|(_, published)| published);
        Ok(all.map(|(partition, _, standing)| (*partition, *standing)).collect())
    }

    async fn repair(&mut self, say: &mut (dyn FnMut(String) + Send)) -> Result<(), StoreError> {
        for (topic, published) in &self.found {
            let moves: Vec<_> =
                published.iter().filter_map(|found| back(topic, found, say)).collect();
            let left = self.cursors.save(topic, &moves).await?;
            if !left.is_empty() {
                return Err(StoreError::Refused(format!(
                    "a relay moves the cursors of {topic}: stop every daybook of this ledger, and \
                     adopt it again"
                )));
            }
        }
        Ok(())
    }
}

/// The way back of a cursor that doesn't fit.
fn back(
    topic: &TopicName,
    (partition, cursor, standing): &Published,
    say: &mut (dyn FnMut(String) + Send),
) -> Option<CursorMove> {
    let at = cursor.published.position;
    let to = match standing {
        Standing::Fits => return None,
        Standing::Ahead { end } => {
            say(format!(
                "partition {partition}: {topic} has positions up to {at}, the ledger up to {}: it goes \
                 on from there",
                end.position
            ));
            let begun_after = cursor.begun_after.min(end.position);
            RelayCursor { published: *end, offset: None, begun_after }
        }
        Standing::Other => {
            say(format!(
                "partition {partition}: {topic} has another event at position {at}: all of the \
                 partition is published again"
            ));
            RelayCursor::default()
        }
    };
    Some(CursorMove { partition: *partition, from: cursor.published, to })
}

impl std::fmt::Debug for Topics<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("found", &self.found).finish_non_exhaustive()
    }
}
