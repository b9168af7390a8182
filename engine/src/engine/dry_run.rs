//! Dry runs: a request decided on what the ledger holds now, with nothing written, called or kept.

use std::sync::Arc;

use tokio::time::Instant;

use super::execute::{Executed, Step, after, settle};
use super::intent::Intent;
use super::request::DryRun;
use super::snapshot::{Answer, PaymentView, Snapshot};
use super::{Engine, EngineError};
use crate::defects::{Defect, is_planted};
use crate::event_text::EventText;
use crate::payment::{Decision, Event, Rejection};

impl Engine {
    /// What the request would be answered now: the payment as its request events would leave it, a
    /// repeat's own answer, or the refusal. It waits for nothing. The operation's id, and a text's
    /// salt, are made up; `position` is that of the payment's last event, 0 where it has none.
    ///
    /// # Errors
    /// As the request itself, but for a full queue: a dry run takes no room.
    pub async fn dry_run(&self, request: DryRun) -> Result<Answer, EngineError> {
        if self.0.calls.is_closed() {
            return Err(EngineError::Stopping);
        }
        let intent = self.intent_to_try(request);
        if is_planted(Defect::DryRunCarriedOut) {
            return self.begin(&intent, Instant::now()).await;
        }
        let step = Step::Intent(&intent);
        let known = self.load(intent.payment_id).await?;
        let decided = self.decide(&step, known.as_deref()).await?;
        match decided.map_err(|rejection| EngineError::rejected(intent.payment_id, rejection))? {
            Decision::Append(_) if self.is_held_back(&step) => {
                Err(EngineError::AcquirerUnavailable)
            }
            Decision::Append(events) => self.as_if(&intent, known.as_deref(), &events).await,
            settled => match settle(settled, known, intent.payment_id)? {
                Executed::Replay(snapshot, operation_id) => {
                    self.answer(snapshot, operation_id, true).await
                }
                Executed::Appended(_) | Executed::Nothing(_) => {
                    Err(EngineError::rejected(intent.payment_id, Rejection::NotFound))
                }
            },
        }
    }

    fn intent_to_try(&self, request: DryRun) -> Intent {
        let ids = &self.0.ids;
        match request {
            DryRun::Authorize(request) => self.intent_to_authorize(request),
            DryRun::Capture(request) => Intent::capture(request, ids),
            DryRun::Void(request) => Intent::void(request, ids),
            DryRun::Refund(request) => Intent::refund(request, ids),
            DryRun::Cancel(request) => Intent::cancel(request, ids),
        }
    }

    /// The answer as if `events` stood in the ledger.
    async fn as_if(
        &self,
        intent: &Intent,
        known: Option<&Snapshot>,
        events: &[Event],
    ) -> Result<Answer, EngineError> {
        let payment_id = intent.payment_id;
        let payment = after(known, events)
            .ok_or_else(|| EngineError::rejected(payment_id, Rejection::NotFound))?;
        let mut texts = match known {
            Some(snapshot) => self.texts_of(snapshot).await?,
            None => Vec::new(),
        };
        let version = known.map_or(1, |snapshot| snapshot.payment.version.saturating_add(1));
        texts.extend(intent.texts_beside(events).into_iter().map(|text| EventText {
            version,
            name: text.name,
            salt: Some(text.salt),
            text: Some(text.text),
        }));
        let snapshot = Snapshot {
            payment_id,
            partition: payment_id.partition(self.0.identity.partitions),
            position: known.map_or(0, |snapshot| snapshot.position),
            payment,
        };
        let view = PaymentView { snapshot: Arc::new(snapshot), texts };
        Ok(Answer { view, operation_id: intent.operation_id, is_replay: false })
    }
}
