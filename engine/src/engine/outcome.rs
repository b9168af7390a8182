//! Outcomes: recording them, and waiting for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Room;
use super::execute::{Executed, Step, fold};
use super::snapshot::{Answer, PaymentView, Snapshot};
use super::{Engine, EngineError};
use crate::clock::Timestamp;
use crate::defects::{Defect, is_planted};
use crate::event_text::EventText;
use crate::ids::{OperationId, PaymentId};
use crate::payment::{Command, Conclude, Outcome, Payment, Rejection};

/// Between two looks at the ledger while an outcome is awaited: this process's own commits are
/// announced, so looking is for those of others.
const POLL_FIRST: Duration = Duration::from_millis(15);
const POLL_LAST: Duration = Duration::from_millis(200);
/// The same where this process makes the call itself, so that only a rare outcome is another's.
const POLL_OWN: Duration = Duration::from_millis(200);

/// Waits between looks that double up to a bound.
pub(super) struct Poll(Duration);

impl Default for Poll {
    fn default() -> Self {
        Self(POLL_FIRST)
    }
}

impl Poll {
    /// For an operation that this process calls the acquirer for.
    pub(super) const fn of_own_call() -> Self {
        Self(POLL_OWN)
    }

    pub(super) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = POLL_LAST.min(now.saturating_mul(2));
        now
    }
}

/// What an expiry came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Recorded, or nothing was left to expire.
    Done,
    /// Not before this time.
    NotYet(Timestamp),
    /// An open operation stands in the way.
    Waits,
}

impl Engine {
    /// Room for the outcome of a call about to be made; waits for it.
    ///
    /// # Errors
    /// When the engine is stopping.
    pub async fn reserve(&self) -> Result<Room, EngineError> {
        self.0.admission.admit_one().await.ok_or(EngineError::Stopping)
    }

    /// Records the acquirer's definite answer, in time, late or repeated. `true` where the
    /// operation has an outcome now.
    ///
    /// # Errors
    /// When it can't be recorded; it may be recorded again.
    pub async fn conclude(
        &self,
        payment_id: PaymentId,
        operation_id: OperationId,
        outcome: Outcome,
        room: Room,
    ) -> Result<bool, EngineError> {
        let command = Command::Conclude(Conclude {
            operation_id,
            outcome,
            next_operation_id: self.0.ids.operation_id(),
            terms: self.0.settings.terms,
        });
        let executed = self.execute(Step::Record(payment_id, &command), room).await?;
        let (Executed::Appended(snapshot)
        | Executed::Nothing(snapshot)
        | Executed::Replay(snapshot, _)) = executed;
        Ok(snapshot.payment.operation(operation_id).is_some_and(|operation| !operation.is_open()))
    }

    /// Records that a call had no definite answer. `true` where that is new.
    ///
    /// # Errors
    /// As [`Engine::conclude`].
    pub async fn mark_unknown(
        &self,
        payment_id: PaymentId,
        operation_id: OperationId,
        cause: Arc<str>,
        room: Room,
    ) -> Result<bool, EngineError> {
        let command = Command::MarkUnknown { operation_id, cause };
        let executed = self.execute(Step::Record(payment_id, &command), room).await?;
        Ok(matches!(executed, Executed::Appended(_)))
    }

    /// Lets an authorization run out.
    ///
    /// # Errors
    /// As [`Engine::conclude`].
    pub async fn expire(&self, payment_id: PaymentId) -> Result<Expiry, EngineError> {
        let room = self.reserve().await?;
        let executed = self.execute(Step::Record(payment_id, &Command::Expire), room).await;
        match executed {
            Ok(Executed::Nothing(snapshot)) => {
                let due = snapshot.payment.expires_at;
                Ok(match due.filter(|_| snapshot.payment.release.is_none()) {
                    Some(due) if due > self.0.clock.now() => Expiry::NotYet(due),
                    _ => Expiry::Done,
                })
            }
            Ok(_) => Ok(Expiry::Done),
            Err(EngineError::Rejected { rejection, .. }) if rejection.is_transient() => {
                Ok(Expiry::Waits)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the operation has an outcome or the time is up, and answers what stands then.
    pub(super) async fn await_outcome(
        &self,
        snapshot: Arc<Snapshot>,
        operation_id: OperationId,
        is_replay: bool,
        deadline: Instant,
        mut poll: Poll,
    ) -> Result<Answer, EngineError> {
        let mut snapshot = snapshot;
        let hold = self.0.slots.hold(snapshot.payment_id);
        // Beyond so many waiting requests one more is answered with what stands now.
        let place = self.0.waiting.try_acquire().ok();
        while place.is_some()
            && is_open(&snapshot.payment, operation_id)
            && Instant::now() < deadline
        {
            let changed = hold.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            // An outcome between the last look and this line was announced to nobody.
            let known = self.0.cache.get(snapshot.payment_id);
            if let Some(known) = known.filter(|k| k.payment.version > snapshot.payment.version) {
                snapshot = known;
                continue;
            }
            let look_at = deadline.min(Instant::now() + poll.next());
            if tokio::time::timeout_at(look_at, changed).await.is_err() {
                // What is recorded stays recorded, whether or not it can be read just now.
                match self.load(snapshot.payment_id).await {
                    Ok(newer) => snapshot = newer.unwrap_or(snapshot),
                    Err(error) => tracing::debug!(%error, "an outcome could not be looked for"),
                }
            }
        }
        self.answer(snapshot, operation_id, is_replay).await
    }

    /// Waits until the payment may have changed, or the time is up.
    pub(super) async fn await_change(
        &self,
        payment_id: PaymentId,
        deadline: Instant,
        poll: Duration,
    ) {
        let hold = self.0.slots.hold(payment_id);
        let look_at = deadline.min(Instant::now() + poll);
        // Being woken and having waited both mean: decide again.
        let _ = tokio::time::timeout_at(look_at, hold.changed()).await;
    }

    /// The answer to a request: the payment as it was at the operation's outcome, for ever.
    pub(super) async fn answer(
        &self,
        snapshot: Arc<Snapshot>,
        operation_id: OperationId,
        is_replay: bool,
    ) -> Result<Answer, EngineError> {
        let payment = &snapshot.payment;
        let answered_at =
            payment.operation(operation_id).and_then(|operation| payment.answered_at(operation));
        let snapshot = match answered_at {
            Some(version) if version < payment.version && !is_planted(Defect::ReplayShowsNow) => {
                self.load_at(snapshot.payment_id, version).await?
            }
            _ => snapshot,
        };
        let texts = self.texts_of(&snapshot).await?;
        Ok(Answer { view: PaymentView { snapshot, texts }, operation_id, is_replay })
    }

    async fn load_at(
        &self,
        payment_id: PaymentId,
        version: u32,
    ) -> Result<Arc<Snapshot>, EngineError> {
        let mut recorded = self.0.ledger.load(payment_id).await.map_err(EngineError::Store)?;
        recorded.retain(|recorded| recorded.version <= version);
        let snapshot = fold(payment_id, &recorded)?;
        let gone = || EngineError::rejected(payment_id, Rejection::NotFound);
        snapshot.map(Arc::new).ok_or_else(gone)
    }

    /// The payment's texts, asked for only where there are any.
    pub(super) async fn texts_of(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Vec<EventText>, EngineError> {
        let has_texts = has_texts(&snapshot.payment);
        if has_texts { self.texts(snapshot.payment_id).await } else { Ok(Vec::new()) }
    }

    pub(super) async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, EngineError> {
        self.0.ledger.texts(payment_id).await.map_err(EngineError::Store)
    }
}

/// Whether a payment's events name texts beside the ledger.
pub(super) fn has_texts(payment: &Payment) -> bool {
    payment.reference_hash.is_some()
        || payment.metadata_hash.is_some()
        || payment.operations.iter().any(|operation| operation.reason_hash.is_some())
}

fn is_open(payment: &Payment, operation_id: OperationId) -> bool {
    let operation = payment.operation(operation_id);
    operation.is_some_and(|operation| payment.answered_at(operation).is_none())
}
