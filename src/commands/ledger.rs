//! `daybook ledger adopt`: a restored ledger goes on, and whatever has seen more than it holds is put
//! right first.

mod standing;

use std::collections::BTreeMap;

use daybook_engine::broker::topic::TopicName;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::Head;
use daybook_projections::ViewError;
use daybook_relay::cursors::{CursorMove, RelayCursor};

use self::standing::{Standing, standing};
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Adopting};

/// Raises the incarnation and repairs what is ahead of the ledger; says what it does.
///
/// # Errors
/// Where something serves from the ledger, or a store can't be used; then it is to be run again.
pub(crate) async fn adopt(config: &Config) -> Result<(), Failure> {
    let on = wiring::open_for_adoption(config).await?;
    let adopted = Adoption::begin(&on).await?.run().await;
    on.close().await;
    adopted?;
    wiring::forget_restored(config)
}

/// How far a partition of a topic is, and how that stands to the ledger.
type Published = (Partition, RelayCursor, Standing);

struct Adoption<'a> {
    on: &'a Adopting,
    heads: Vec<Head>,
    /// Topics with their cursors, by partition; those of seals are put right by who publishes them.
    topics: Vec<(TopicName, Vec<Published>)>,
    views: BTreeMap<Partition, (Cursor, Standing)>,
}

impl<'a> Adoption<'a> {
    async fn begin(on: &'a Adopting) -> Result<Self, Failure> {
        let heads = on.book.ledger.heads().await?;
        let mut adoption = Self { on, heads, topics: Vec::new(), views: BTreeMap::new() };
        adoption.look_at_topics().await?;
        adoption.look_at_views().await?;
        Ok(adoption)
    }

    async fn look_at_topics(&mut self) -> Result<(), Failure> {
        let known = self.on.topics.topics().await?;
        let partitions: Vec<_> = self.heads.iter().map(|head| head.partition).collect();
        for topic in &known {
            if known.iter().any(|other| other.seals() == *topic) {
                continue;
            }
            let cursors = self.on.cursors.load(topic, &partitions).await?;
            let mut standings = Vec::new();
            for (head, cursor) in self.heads.iter().zip(cursors) {
                let standing = standing(&*self.on.book.ledger, *head, cursor.published).await?;
                standings.push((head.partition, cursor, standing));
            }
            self.topics.push((topic.clone(), standings));
        }
        Ok(())
    }

    async fn look_at_views(&mut self) -> Result<(), Failure> {
        let cursors = self.on.view_store.cursors().await.map_err(views_failure)?;
        for (partition, cursors) in cursors {
            let position = self.heads.get(partition.index()).map_or(0, |head| head.position);
            let head = Head { partition, position };
            for view in daybook_projections::View::ALL {
                let cursor = cursors.of(view);
                let found = standing(&*self.on.book.ledger, head, cursor).await?;
                let worst = self.views.entry(partition).or_insert((cursor, found));
                if found.is_worse_than(worst.1) {
                    *worst = (cursor, found);
                }
            }
        }
        Ok(())
    }

    async fn run(self) -> Result<(), Failure> {
        // First of all: what is published after an adoption that ended half way is never taken for the
        // past.
        let starts = self.starts();
        let incarnation = self.on.adoption.adopt(&starts, wiring::clock().now()).await?;
        self.repair_topics().await?;
        self.repair_views().await?;
        self.on.work.forget().await?;
        println!("the workers' rows are folded anew from the ledger");
        let id = self.on.book.ledger.identity().id;
        println!("ledger {id} is adopted as incarnation {incarnation}");
        Ok(())
    }

    /// Up to where each partition held what was written before the restore. Where events were added
    /// since, nobody knows.
    fn starts(&self) -> Vec<(Partition, u64)> {
        let is_other = |partition: Partition| {
            let in_views = self.views.get(&partition).map(|(_, standing)| *standing);
            let topics = self.topics.iter().flat_map(|(_, standings)| standings);
            let in_topics = topics.filter(|(of, ..)| *of == partition).map(|(.., found)| *found);
            in_topics.chain(in_views).any(|standing| standing == Standing::Other)
        };
        let start = |head: &Head| match is_other(head.partition) {
            true => (head.partition, 0),
            false => (head.partition, head.position),
        };
        self.heads.iter().map(start).collect()
    }

    async fn repair_topics(&self) -> Result<(), Failure> {
        for (topic, standings) in &self.topics {
            let mut moves = Vec::new();
            for (partition, cursor, standing) in standings {
                let at = cursor.published.position;
                let to = match standing {
                    Standing::Fits => continue,
                    Standing::Ahead { end } => {
                        println!(
                            "partition {partition}: {topic} has positions up to {at}, the ledger up \
                             to {}: it goes on from there",
                            end.position
                        );
                        let begun_after = cursor.begun_after.min(end.position);
                        RelayCursor { published: *end, offset: None, begun_after }
                    }
                    Standing::Other => {
                        println!(
                            "partition {partition}: {topic} has another event at position {at}: all \
                             of the partition is published again"
                        );
                        RelayCursor::default()
                    }
                };
                moves.push(CursorMove { partition: *partition, from: cursor.published, to });
            }
            let left = self.on.cursors.save(topic, &moves).await?;
            if !left.is_empty() {
                return Err(Failure::Dependency(format!(
                    "a relay moves the cursors of {topic}: stop every daybook of this ledger, and \
                     adopt it again"
                )));
            }
        }
        Ok(())
    }

    async fn repair_views(&self) -> Result<(), Failure> {
        let is_ahead = |found: &(&Partition, &(Cursor, Standing))| found.1.1 != Standing::Fits;
        let ahead: Vec<_> = self.views.iter().filter(is_ahead).collect();
        for (partition, (cursor, _)) in &ahead {
            println!(
                "partition {partition}: the views stand at position {}, which the ledger does not \
                 hold as they have seen it: they are rebuilt from nothing",
                cursor.position
            );
        }
        let partitions: Vec<Partition> =
            ahead.into_iter().map(|(partition, _)| *partition).collect();
        self.on.views.forget(&partitions).await.map_err(views_failure)
    }
}

fn views_failure(error: ViewError) -> Failure {
    Failure::dependency("the views", &error)
}
