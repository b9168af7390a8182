//! Applying batches, and finding out which event is to blame where they can't be applied.

use std::collections::{BTreeMap, VecDeque};

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::Partition;

use super::{Outcome, Projector};
use crate::error::ViewError;
use crate::views::{Applied, Batch, Parking, ViewCursors};

impl Projector {
    /// Applies the batches. The payment of an event that doesn't fit is parked, and the others go on.
    pub(super) async fn apply(
        &mut self,
        mut cursors: BTreeMap<Partition, ViewCursors>,
        batches: Vec<Batch>,
    ) -> Result<Outcome, ViewError> {
        let mut applied = 0_usize;
        let mut left = VecDeque::from([batches]);
        left.retain(|together| !together.is_empty());
        while let Some(together) = left.pop_front() {
            match self.views.apply(&together).await {
                Ok(Applied::Superseded) => return Ok(Outcome::Idle),
                Ok(Applied::Moved) => {
                    self.tell_parked(&together);
                    cursors.extend(together.iter().map(|batch| (batch.partition, batch.end())));
                    applied =
                        together.iter().map(Batch::positions).fold(applied, usize::saturating_add);
                }
                Err(error) => {
                    for narrower in narrow(error, together, self.clock.now())?.into_iter().rev() {
                        left.push_front(narrower);
                    }
                }
            }
        }
        self.cursors = Some(cursors);
        if applied == 0 {
            return Ok(Outcome::Idle);
        }
        self.metrics.applied(applied);
        Ok(Outcome::Applied(applied))
    }

    fn tell_parked(&mut self, batches: &[Batch]) {
        for batch in batches {
            for Parking { payment_id, position, cause, .. } in &batch.parking {
                let partition = batch.partition;
                tracing::error!(%partition, position, %payment_id, cause, "a payment is parked");
                self.counted_at = None;
            }
        }
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
