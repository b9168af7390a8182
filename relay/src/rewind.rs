//! Setting cursors back, so that what follows is published again: `daybook relay rewind`. A relay
//! that runs meanwhile notices within a moment and goes on from there.

use std::str::FromStr;

use daybook_engine::clock::Timestamp;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::{Ledger, Recorded, StoreError, Stretch};

use crate::cursors::{CursorMove, RelayCursor, RelayCursors};
use daybook_engine::broker::topic::TopicName;

/// How far back. Everything after the position, or recorded from the time on, is published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewindTo {
    /// In every partition whose cursor stands beyond it.
    Position(u64),
    In(Partition, u64),
    Time(Timestamp),
}

impl FromStr for RewindTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let in_partition = || {
            let (partition, position) = text.split_once(':')?;
            let partition = Partition::new(partition.parse().ok()?);
            Some(Self::In(partition, position.parse().ok()?))
        };
        text.parse()
            .map(Self::Position)
            .ok()
            .or_else(in_partition)
            .or_else(|| text.parse().map(Self::Time).ok())
            .ok_or_else(|| {
                "must be a position, PARTITION:POSITION, or a time such as 2026-11-23T10:00:00Z"
                    .to_owned()
            })
    }
}

/// A cursor that was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewound {
    pub partition: Partition,
    pub from: u64,
    pub to: u64,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum RewindError {
    #[error("the ledger has {partitions} partitions, and no partition {partition}")]
    NoPartition { partition: Partition, partitions: u16 },
    #[error(
        "partition {partition} is published up to position {at}: a cursor goes back, never forward \
         to {to}"
    )]
    Forward { partition: Partition, at: u64, to: u64 },
    #[error("no partition is published that far: there is nothing to publish again")]
    Nothing,
    #[error("partition {0}'s cursor moved at every attempt: try again")]
    Contended(Partition),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running relay moves a cursor five times a second.
const ATTEMPTS: usize = 20;

/// Sets the topic's cursors back; those that were.
///
/// # Errors
/// [`RewindError`]; cursors of some partitions may have been set back then.
pub async fn rewind(
    ledger: &dyn Ledger,
    cursors: &dyn RelayCursors,
    topic: &TopicName,
    to: RewindTo,
) -> Result<Vec<Rewound>, RewindError> {
    let partitions = ledger.identity().partitions;
    let chosen: Vec<_> = match to {
        RewindTo::In(partition, _) if partition.number() >= partitions => {
            return Err(RewindError::NoPartition { partition, partitions });
        }
        RewindTo::In(partition, _) => vec![partition],
        RewindTo::Position(_) | RewindTo::Time(_) => Partition::all(partitions).collect(),
    };
    let mut rewound = Vec::new();
    for partition in chosen {
        rewound.extend(rewind_one(ledger, cursors, topic, partition, to).await?);
    }
    if rewound.is_empty() { Err(RewindError::Nothing) } else { Ok(rewound) }
}

async fn rewind_one(
    ledger: &dyn Ledger,
    cursors: &dyn RelayCursors,
    topic: &TopicName,
    partition: Partition,
    to: RewindTo,
) -> Result<Option<Rewound>, RewindError> {
    for _ in 0..ATTEMPTS {
        let found = cursors.load(topic, &[partition]).await?;
        let now = found.first().copied().unwrap_or_default();
        let at = now.published.position;
        let target = match to {
            RewindTo::Position(position) => position,
            RewindTo::In(_, position) if position > at => {
                return Err(RewindError::Forward { partition, at, to: position });
            }
            RewindTo::In(_, position) => position,
            RewindTo::Time(time) => last_before(ledger, partition, at, time).await?,
        };
        if target >= at {
            return Ok(None);
        }
        let published = cursor_at(ledger, partition, target).await?;
        let to = RelayCursor { published, offset: None, begun_after: now.begun_after };
        let change = CursorMove { partition, from: now.published, to };
        if cursors.save(topic, &[change]).await?.is_empty() {
            return Ok(Some(Rewound { partition, from: at, to: target }));
        }
    }
    Err(RewindError::Contended(partition))
}

/// The last position, up to `end`, before the first that was recorded at `time` or later. Times of
/// one partition hardly ever go back; where they do, by the difference of two processes' clocks, it
/// is one of those nearby.
async fn last_before(
    ledger: &dyn Ledger,
    partition: Partition,
    end: u64,
    time: Timestamp,
) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low.saturating_add(high.saturating_sub(low).div_ceil(2));
        if event_at(ledger, partition, middle).await?.recorded_at < time {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    Ok(low)
}

async fn cursor_at(
    ledger: &dyn Ledger,
    partition: Partition,
    position: u64,
) -> Result<Cursor, StoreError> {
    if position == 0 {
        return Ok(Cursor::default());
    }
    Ok(Cursor::at(&event_at(ledger, partition, position).await?))
}

async fn event_at(
    ledger: &dyn Ledger,
    partition: Partition,
    position: u64,
) -> Result<Recorded, StoreError> {
    let found = ledger.read(&[Stretch { partition, from: position, limit: 1 }]).await?;
    found.into_iter().next().ok_or_else(|| StoreError::Damaged {
        store: "ledger",
        cause: format!("partition {partition} has nothing at position {position}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_position_a_partitions_position_or_a_time() {
        assert_eq!("0".parse(), Ok(RewindTo::Position(0)));
        assert_eq!("3:17".parse(), Ok(RewindTo::In(Partition::new(3), 17)));
        let time = "2026-11-23T10:00:00Z".parse().unwrap();
        assert_eq!("2026-11-23T11:00:00+01:00".parse(), Ok(RewindTo::Time(time)));
        for text in ["", "-1", "3:", ":4", "yesterday", "2026-11-23"] {
            assert!(text.parse::<RewindTo>().is_err(), "{text}");
        }
    }
}
