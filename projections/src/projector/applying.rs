//! Applying batches, and finding out which event is to blame where they can't be applied.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use daybook_engine::clock::{Clock, Timestamp};
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use tokio::task::JoinSet;

use super::{Outcome, Projector};
use crate::error::ViewError;
use crate::views::{Applied, Batch, Parking, ViewCursors, ViewStore};

/// What became of one share of the batches.
#[derive(Debug, Default)]
struct Settled {
    /// Where the views stand now.
    ends: Vec<(Partition, ViewCursors)>,
    applied: usize,
    parked: usize,
    is_superseded: bool,
}

impl Projector {
    /// Applies the batches, some at a time. The payment of an event that doesn't fit is parked, and the
    /// others go on.
    pub(super) async fn apply(
        &mut self,
        mut cursors: BTreeMap<Partition, ViewCursors>,
        batches: Vec<Batch>,
    ) -> Result<Outcome, ViewError> {
        // Partitions share no row, so neither share waits for the other.
        let mut shares = JoinSet::new();
        for share in shares_of(batches, self.views.writers()) {
            shares.spawn(settle(self.views.clone(), self.clock.clone(), share));
        }
        let mut all = Settled::default();
        let mut failure = None;
        while let Some(settled) = shares.join_next().await {
            match settled.map_err(interrupted).flatten() {
                Ok(settled) => {
                    all.applied = all.applied.saturating_add(settled.applied);
                    all.parked = all.parked.saturating_add(settled.parked);
                    all.is_superseded |= settled.is_superseded;
                    cursors.extend(settled.ends);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if all.parked > 0 {
            self.counted_at = None;
        }
        if all.applied > 0 {
            self.metrics.applied(all.applied);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        if !all.is_superseded {
            self.cursors = Some(cursors);
        }
        Ok(if all.applied == 0 { Outcome::Idle } else { Outcome::Applied(all.applied) })
    }
}

fn interrupted(error: tokio::task::JoinError) -> ViewError {
    let cause = format!("a write ended early: {error}");
    ViewError::Store(StoreError::AnswerLost { store: "views", cause })
}

/// So many shares at most, about equally large.
fn shares_of(mut batches: Vec<Batch>, writers: usize) -> Vec<Vec<Batch>> {
    batches.sort_by_key(|batch| Reverse(batch.events.len()));
    let mut shares: Vec<(usize, Vec<Batch>)> = Vec::new();
    for batch in batches {
        let events = batch.events.len();
        let is_full = shares.len() >= writers;
        match shares.iter_mut().min_by_key(|(size, _)| *size).filter(|_| is_full) {
            Some((size, share)) => {
                *size = size.saturating_add(events);
                share.push(batch);
            }
            None => shares.push((events, vec![batch])),
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// Applies batches together, or narrower where they can't be.
async fn settle(
    views: Arc<dyn ViewStore>,
    clock: Arc<dyn Clock>,
    share: Vec<Batch>,
) -> Result<Settled, ViewError> {
    let mut settled = Settled::default();
    let mut left = VecDeque::from([share]);
    while let Some(together) = left.pop_front() {
        match views.apply(&together).await {
            Ok(Applied::Superseded) => {
                settled.is_superseded = true;
                return Ok(settled);
            }
            Ok(Applied::Moved) => {
                for batch in &together {
                    settled.ends.push((batch.partition, batch.end()));
                    settled.applied = settled.applied.saturating_add(batch.positions());
                    settled.parked = settled.parked.saturating_add(batch.parking.len());
                    tell_parked(batch);
                }
            }
            Err(error) => {
                for narrower in narrow(error, together, clock.now())?.into_iter().rev() {
                    left.push_front(narrower);
                }
            }
        }
    }
    Ok(settled)
}

fn tell_parked(batch: &Batch) {
    for Parking { payment_id, position, cause, .. } in &batch.parking {
        let partition = batch.partition;
        tracing::error!(%partition, position, %payment_id, cause, "a payment is parked");
    }
}

/// What is to be applied instead, one after the other, of batches that can't be applied together.
///
/// # Errors
/// The error itself, where no event is to blame.
fn narrow(
    error: ViewError,
    mut together: Vec<Batch>,
    at: Timestamp,
) -> Result<Vec<Vec<Batch>>, ViewError> {
    if let ViewError::Unfit(unfit) = &error {
        for unfit in unfit {
            let batch = together.iter_mut().find(|batch| batch.partition == unfit.partition);
            let batch = batch.ok_or_else(|| error.clone())?;
            let (payment_id, position, cause) =
                (unfit.payment_id, unfit.position, unfit.cause.clone());
            park(batch, Parking { payment_id, position, cause, at }, &error)?;
        }
        return Ok(vec![together]);
    }
    if !error.is_of_an_event() {
        return Err(error);
    }
    if together.len() > 1 {
        return Ok(together.into_iter().map(|batch| vec![batch]).collect());
    }
    let Some(batch) = together.pop() else { return Err(error) };
    match batch.halves() {
        (first, Some(second)) => Ok(vec![vec![first], vec![second]]),
        (mut single, None) => {
            let event = single.events.first().map(|(event, _)| (event.payment_id, event.position));
            let Some((payment_id, position)) = event else { return Err(error) };
            let parking = Parking { payment_id, position, cause: error.to_string(), at };
            park(&mut single, parking, &error)?;
            Ok(vec![vec![single]])
        }
    }
}

/// # Errors
/// The error, where the payment is to be parked from there on already, which did not help.
fn park(batch: &mut Batch, parking: Parking, error: &ViewError) -> Result<(), ViewError> {
    let is_known = |known: &Parking| {
        known.payment_id == parking.payment_id && known.position <= parking.position
    };
    if batch.parking.iter().any(is_known) {
        return Err(error.clone());
    }
    batch.park(parking);
    Ok(())
}
