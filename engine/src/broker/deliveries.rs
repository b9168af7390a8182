//! What became of the records that were handed to one producer: written by its threads, read by
//! the relay's loop.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::Partition;
use tokio::sync::Notify;

/// The last record of a partition up to which all are acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    pub position: u64,
    /// Where it stands in the topic; `None` before the first.
    pub offset: Option<u64>,
    /// Offsets began anew after this position: the topic was deleted and created again, or its end
    /// was cut off.
    pub begun_after: Option<u64>,
}

/// Why a producer is to be given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("partition {partition} position {position} was not delivered: {cause}")]
    Failed { partition: Partition, position: u64, cause: String },
    #[error(
        "partition {partition} position {position} was acknowledged while {expected} was expected"
    )]
    OutOfOrder { partition: Partition, position: u64, expected: u64 },
    #[error("the producer is dead: {0}")]
    Fatal(String),
    /// No broker may be reachable; a probe will tell.
    #[error("{0}")]
    Suspected(String),
}

/// The record of one producer's deliveries.
#[derive(Debug)]
pub struct Deliveries {
    partitions: Box<[Mutex<Acknowledged>]>,
    trouble: Mutex<Option<Trouble>>,
    changed: Notify,
}

impl Deliveries {
    #[must_use]
    pub fn new(partitions: u16) -> Self {
        let partitions = (0..partitions).map(|_| Mutex::default()).collect();
        Self { partitions, trouble: Mutex::default(), changed: Notify::new() }
    }

    /// Says that the partition's next record will be the one after `position`.
    pub fn begin(&self, partition: Partition, position: u64, offset: Option<u64>) {
        if let Some(mut acknowledged) = self.of(partition) {
            *acknowledged = Acknowledged { position, offset, begun_after: None };
        }
    }

    /// The record is in the topic, as safe as the topic makes it.
    pub fn delivered(&self, partition: Partition, position: u64, offset: Option<u64>) {
        let Some(mut acknowledged) = self.of(partition) else {
            return;
        };
        let expected = acknowledged.position.saturating_add(1);
        if position != expected {
            drop(acknowledged);
            // One below was acknowledged already, which harms nobody.
            if position > expected {
                self.report(Trouble::OutOfOrder { partition, position, expected });
            }
            return;
        }
        if offset.is_some() && offset <= acknowledged.offset {
            acknowledged.begun_after = Some(acknowledged.position);
        }
        acknowledged.position = position;
        acknowledged.offset = offset.or(acknowledged.offset);
        drop(acknowledged);
        self.changed.notify_one();
    }

    /// Nobody knows whether the record is in the topic, and it will not be tried again.
    pub fn failed(&self, partition: Partition, position: u64, cause: String) {
        self.report(Trouble::Failed { partition, position, cause });
    }

    /// The first trouble stays, unless it was only a suspicion.
    pub fn report(&self, trouble: Trouble) {
        let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*first, None | Some(Trouble::Suspected(_))) {
            *first = Some(trouble);
        }
        drop(first);
        self.changed.notify_one();
    }

    #[must_use]
    pub fn acknowledged(&self, partition: Partition) -> Acknowledged {
        self.of(partition).map_or_else(Acknowledged::default, |acknowledged| *acknowledged)
    }

    /// What is wrong, told once.
    #[must_use]
    pub fn take_trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for the next word of the producer; one that came meanwhile is not lost.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn of(&self, partition: Partition) -> Option<MutexGuard<'_, Acknowledged>> {
        let acknowledged = self.partitions.get(partition.index())?;
        Some(acknowledged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition::new(0);

    #[test]
    fn acknowledgements_raise_the_position_in_order() {
        let deliveries = Deliveries::new(1);
        deliveries.begin(P, 7, Some(20));
        deliveries.delivered(P, 8, Some(21));
        deliveries.delivered(P, 9, Some(22));
        let expected = Acknowledged { position: 9, offset: Some(22), begun_after: None };
        assert_eq!(deliveries.acknowledged(P), expected);
        assert_eq!(deliveries.take_trouble(), None);
    }

    #[test]
    fn an_acknowledgement_ahead_of_its_turn_is_trouble_and_raises_nothing() {
        let deliveries = Deliveries::new(1);
        deliveries.delivered(P, 2, Some(0));
        assert_eq!(deliveries.acknowledged(P).position, 0);
        let trouble = Trouble::OutOfOrder { partition: P, position: 2, expected: 1 };
        assert_eq!(deliveries.take_trouble(), Some(trouble));
    }

    #[test]
    fn an_acknowledgement_of_what_was_acknowledged_is_no_trouble() {
        let deliveries = Deliveries::new(1);
        deliveries.begin(P, 7, None);
        deliveries.delivered(P, 7, Some(3));
        assert_eq!(deliveries.acknowledged(P).position, 7);
        assert_eq!(deliveries.take_trouble(), None);
    }

    #[test]
    fn offsets_that_begin_anew_are_noticed() {
        let deliveries = Deliveries::new(1);
        deliveries.begin(P, 7, Some(20));
        deliveries.delivered(P, 8, Some(0));
        deliveries.delivered(P, 9, Some(1));
        assert_eq!(deliveries.acknowledged(P).begun_after, Some(7));
    }

    #[test]
    fn a_failure_takes_the_place_of_a_suspicion_and_not_the_other_way_round() {
        let deliveries = Deliveries::new(1);
        deliveries.report(Trouble::Suspected("all brokers are down".to_owned()));
        deliveries.failed(P, 4, "too large".to_owned());
        deliveries.report(Trouble::Suspected("all brokers are down".to_owned()));
        assert!(matches!(deliveries.take_trouble(), Some(Trouble::Failed { position: 4, .. })));
        assert_eq!(deliveries.take_trouble(), None);
    }
}
