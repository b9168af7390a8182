//! Deciding a command on committed state and appending what it comes to.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::admission::Room;
use super::intent::Intent;
use super::slot::SlotHold;
use super::snapshot::Snapshot;
use super::{Engine, EngineError};
use crate::defects::{Defect, is_planted};
use crate::ids::{OperationId, PaymentId};
use crate::ledger::{Append, Appended, NewEvent, Recorded};
use crate::payment::{Command, Decision, Event, EventType, Payment, Rejection, encode};

/// How often a command is decided again because another process wrote first.
const CONFLICTS_MAX: usize = 16;
/// How long a command waits for those of its payment that came before; it has recorded nothing yet.
const TURN_LIMIT: Duration = Duration::from_secs(10);

/// What is to be decided.
pub(super) enum Step<'a> {
    Intent(&'a Intent),
    Record(PaymentId, &'a Command),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Executed {
    Appended(Arc<Snapshot>),
    Replay(Arc<Snapshot>, OperationId),
    Nothing(Arc<Snapshot>),
}

/// The state a decision rests on.
struct Basis {
    snapshot: Option<Arc<Snapshot>>,
    /// Read from the ledger for this decision, so that it may also refuse.
    is_fresh: bool,
}

impl Step<'_> {
    const fn payment_id(&self) -> PaymentId {
        match self {
            Self::Intent(intent) => intent.payment_id,
            Self::Record(payment_id, _) => *payment_id,
        }
    }

    const fn creates(&self) -> bool {
        match self {
            Self::Intent(intent) => intent.creates(),
            Self::Record(..) => false,
        }
    }
}

impl Engine {
    /// Decides and appends, in turn with every other command of the payment in this process.
    ///
    /// Remembered state may only grant: a refusal, a replay or a no-op is decided again on what
    /// the ledger holds now.
    pub(super) async fn execute(
        &self,
        step: Step<'_>,
        room: Room,
    ) -> Result<Executed, EngineError> {
        let payment_id = step.payment_id();
        let hold = self.0.slots.hold(payment_id);
        let Ok(_turn) = timeout(TURN_LIMIT, hold.turn()).await else {
            return Err(EngineError::Overloaded);
        };
        let mut basis = self.remembered(&step).await?;
        for _ in 0..CONFLICTS_MAX {
            let decision = self.decide(&step, basis.snapshot.as_deref()).await?;
            let events = match decision {
                Ok(Decision::Append(events)) if !self.is_held_back(&step) => events,
                Err(rejection) if is_planted(Defect::RefusalFromCache) => {
                    return Err(EngineError::rejected(payment_id, rejection));
                }
                _ if !basis.is_fresh => {
                    basis = self.fresh(payment_id).await?;
                    continue;
                }
                // What is not in the ledger, with certainty, is not begun.
                Ok(Decision::Append(_)) => {
                    self.0.metrics.refused_by_acquirer.inc();
                    return Err(EngineError::AcquirerUnavailable);
                }
                Ok(settled) => return settle(settled, basis.snapshot, payment_id),
                Err(rejection) => return Err(EngineError::rejected(payment_id, rejection)),
            };
            let written = self.append(&step, basis.snapshot.as_deref(), &events, &room).await?;
            match written {
                Some(snapshot) => {
                    self.committed(&snapshot, &hold);
                    return Ok(Executed::Appended(snapshot));
                }
                None => basis = self.fresh(payment_id).await?,
            }
        }
        Err(EngineError::Overloaded)
    }

    /// An intent that could not be sent is not written; outcomes always are.
    pub(super) fn is_held_back(&self, step: &Step<'_>) -> bool {
        matches!(step, Step::Intent(_)) && self.0.acquirer.unavailable_for().is_some()
    }

    /// What this process knows of the payment. One it has not seen is taken for new by the request
    /// that would create it: the ledger's unique key tells if it is not.
    async fn remembered(&self, step: &Step<'_>) -> Result<Basis, EngineError> {
        match self.0.cache.get(step.payment_id()) {
            Some(snapshot) => Ok(Basis { snapshot: Some(snapshot), is_fresh: false }),
            None if step.creates() => Ok(Basis { snapshot: None, is_fresh: false }),
            None => self.fresh(step.payment_id()).await,
        }
    }

    async fn fresh(&self, payment_id: PaymentId) -> Result<Basis, EngineError> {
        Ok(Basis { snapshot: self.load(payment_id).await?, is_fresh: true })
    }

    pub(super) async fn decide(
        &self,
        step: &Step<'_>,
        known: Option<&Snapshot>,
    ) -> Result<Result<Decision, Rejection>, EngineError> {
        let at = self.0.clock.now();
        let payment = known.map(|snapshot| &snapshot.payment);
        let from_intent;
        let command = match step {
            Step::Record(_, command) => *command,
            Step::Intent(intent) => {
                let repeated = payment.and_then(|payment| intent.repeated(payment));
                let stored = match repeated {
                    Some(operation) => {
                        let mut texts = self.texts(intent.payment_id).await?;
                        texts.retain(|text| text.version == operation.requested);
                        texts
                    }
                    None => Vec::new(),
                };
                from_intent = intent.command(payment, &stored);
                &from_intent
            }
        };
        Ok(match (payment, command) {
            (Some(payment), command) => payment.decide(command, at),
            (None, Command::Authorize(authorize)) => {
                Ok(Decision::Append(vec![Payment::request(authorize, at)]))
            }
            (None, _) => Err(Rejection::NotFound),
        })
    }

    /// Appends the events after `known`; `None` where another process was first.
    async fn append(
        &self,
        step: &Step<'_>,
        known: Option<&Snapshot>,
        events: &[Event],
        room: &Room,
    ) -> Result<Option<Arc<Snapshot>>, EngineError> {
        let payment_id = step.payment_id();
        let payment = after(known, events)
            .ok_or_else(|| EngineError::rejected(payment_id, Rejection::NotFound))?;
        let (texts, traceparent) = match step {
            Step::Intent(intent) => (intent.texts_beside(events), intent.traceparent.clone()),
            Step::Record(..) => (Vec::new(), None),
        };
        let new_event = |event: &Event| NewEvent {
            event_id: self.0.ids.event_id(),
            event_type: event.event_type().as_str(),
            data: encode(event),
        };
        let append = Append {
            payment_id,
            first_version: known.map_or(1, |snapshot| snapshot.payment.version.saturating_add(1)),
            events: events.iter().map(new_event).collect(),
            texts,
            traceparent,
            recorded_at: self.0.clock.now(),
        };
        let answer = self.0.writer.append(append, room).await.map_err(|error| {
            // It may have been written after all: what is remembered may be old.
            self.0.cache.forget(payment_id);
            EngineError::Store(error)
        })?;
        match answer {
            Appended::At(position) => {
                let is_late = |event: &&Event| event.event_type() == EventType::LateOutcome;
                let late = events.iter().filter(is_late).count();
                self.0.metrics.late_outcomes.inc_by(u64::try_from(late).unwrap_or(u64::MAX));
                let partition = payment_id.partition(self.0.identity.partitions);
                Ok(Some(Arc::new(Snapshot { payment_id, partition, position, payment })))
            }
            Appended::Conflict => {
                self.0.cache.forget(payment_id);
                Ok(None)
            }
        }
    }

    fn committed(&self, snapshot: &Arc<Snapshot>, hold: &SlotHold) {
        self.0.cache.put(snapshot);
        hold.announce();
    }

    /// The payment as the ledger has it now, which the cache then knows as well.
    pub(super) async fn load(
        &self,
        payment_id: PaymentId,
    ) -> Result<Option<Arc<Snapshot>>, EngineError> {
        let recorded = self.0.ledger.load(payment_id).await.map_err(EngineError::Store)?;
        let snapshot = fold(payment_id, &recorded)?.map(Arc::new);
        if let Some(snapshot) = &snapshot {
            self.0.cache.put(snapshot);
        }
        Ok(snapshot)
    }
}

/// The payment after these events; `None` where it has no beginning.
pub(super) fn after(known: Option<&Snapshot>, events: &[Event]) -> Option<Payment> {
    match known {
        Some(snapshot) => Some(events.iter().fold(snapshot.payment.clone(), Payment::evolve)),
        None => Payment::fold(events),
    }
}

/// A payment folded from its records.
pub(super) fn fold(
    payment_id: PaymentId,
    recorded: &[Recorded],
) -> Result<Option<Snapshot>, EngineError> {
    let events: Result<Vec<_>, _> = recorded.iter().map(Recorded::decode).collect();
    let payment = Payment::fold(&events.map_err(EngineError::Unreadable)?);
    Ok(payment.zip(recorded.last()).map(|(payment, last)| Snapshot {
        payment_id,
        partition: last.partition,
        position: last.position,
        payment,
    }))
}

pub(super) fn settle(
    decision: Decision,
    snapshot: Option<Arc<Snapshot>>,
    payment_id: PaymentId,
) -> Result<Executed, EngineError> {
    let snapshot =
        snapshot.ok_or_else(|| EngineError::rejected(payment_id, Rejection::NotFound))?;
    Ok(match decision {
        Decision::Replay(operation_id) => Executed::Replay(snapshot, operation_id),
        Decision::Append(_) | Decision::Nothing => Executed::Nothing(snapshot),
    })
}
