//! Acting on claimed operations: calling the acquirer, or asking what became of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{WorkerError, Workers};
use crate::acquirer::{AcquirerRequest, CallAnswer, InquiryAnswer};
use crate::clock::Timestamp;
use crate::engine::{acquirer_request, never_reached};
use crate::ids::Partition;
use crate::ledger::StoreError;
use crate::payment::{Operation, OperationStatus, Outcome, Verb};
use crate::work::Claim;

/// Claims in one round.
const CLAIMS_MAX: usize = 128;
/// A call that could not be sent is tried again soon, and ever more rarely.
const NOT_SENT_DELAY: Duration = Duration::from_millis(200);
/// The fold of an outcome takes its row away; a row that it has not reached yet is left for it.
const SETTLE_DELAY: Duration = Duration::from_secs(1);

/// What to do with the claim once the acquirer was asked.
enum Next {
    /// The outcome's fold ends it.
    Concluded,
    /// Recorded as unknown: the fold makes the operation due, and the holder ends its claim.
    Unknown,
    /// Due again after so long.
    Again(Duration),
}

impl Workers {
    /// Claims what is due and starts it; `true` where more may be due at once.
    pub(super) async fn claim_once(&self, held: &[Partition]) -> Result<bool, WorkerError> {
        let free = self.free.available_permits().min(CLAIMS_MAX);
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        if limit == 0 {
            return Ok(false);
        }
        let started = Instant::now();
        let claims = self.on.work.claim(held, self.hold(), limit).await?;
        let is_full = claims.len() == free;
        for claim in claims {
            let Ok(busy) = Arc::clone(&self.free).try_acquire_owned() else { break };
            let worker = self.clone();
            self.acting.spawn(async move {
                worker.act(&claim, started).await;
                // Where every place was taken, something due may wait for this one.
                let was_full = worker.free.available_permits() == 0;
                drop(busy);
                if was_full {
                    worker.acted.notify_one();
                }
            });
        }
        Ok(is_full)
    }

    /// A claim lasts for the send window, a call and an inquiry, and as long again as a call for
    /// recording what came of them.
    fn hold(&self) -> Duration {
        let limits = &self.settings.limits;
        limits.send_window.saturating_add(limits.call.saturating_mul(3))
    }

    async fn act(&self, claim: &Claim, claimed_at: Instant) {
        let next = match self.attempt(claim, claimed_at).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    operation_id = %claim.item.operation_id, "an operation is put back"
                );
                Next::Again(self.settings.schedule.delay(claim.item.attempts))
            }
        };
        let given_back = match next {
            Next::Concluded => return,
            Next::Unknown => {
                self.on.work.release(claim, self.settings.schedule.delay(claim.item.attempts)).await
            }
            Next::Again(delay) => self.put_back(claim, delay).await,
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "a claim could not be given back; it runs out by itself");
        }
    }

    async fn put_back(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let flagged_since = self.settings.schedule.flagged_since(self.on.clock.now());
        if claim.item.opened_at <= flagged_since && !claim.item.flagged {
            tracing::error!(
                operation_id = %claim.item.operation_id, payment_id = %claim.item.payment_id,
                "an operation has been open for too long: people should look at it"
            );
        }
        self.on.work.put_back(claim, delay, flagged_since).await
    }

    async fn attempt(&self, claim: &Claim, claimed_at: Instant) -> Result<Next, WorkerError> {
        let item = &claim.item;
        let view = self.on.engine.payment(item.payment_id).await?;
        let Some(view) = view else { return Ok(Next::Again(SETTLE_DELAY)) };
        let Some(operation) = view.snapshot.payment.operation(item.operation_id) else {
            return Ok(Next::Again(SETTLE_DELAY));
        };
        if !operation.is_open() {
            return Ok(Next::Again(SETTLE_DELAY));
        }
        let request = acquirer_request(&view.snapshot, operation);
        let send_before = claimed_at + self.settings.limits.send_window;
        if self.must_inquire(operation) {
            let sent_by = match operation.verb {
                Verb::Authorize => view.snapshot.payment.send_before,
                _ => operation.unknown_at.unwrap_or(operation.created_at),
            };
            self.inquire(claim, operation, &request, sent_by, send_before).await
        } else {
            self.call(claim, &request, send_before).await
        }
    }

    /// An authorization is only ever sent by the process that recorded it; another operation
    /// whose sending is in doubt, or that the acquirer may have forgotten, is asked about first.
    fn must_inquire(&self, operation: &Operation) -> bool {
        operation.verb == Verb::Authorize
            || operation.status == OperationStatus::Unknown
            || self.is_forgotten(operation)
    }

    fn is_forgotten(&self, operation: &Operation) -> bool {
        self.age(operation.created_at) >= self.settings.limits.key_lifetime
    }

    fn age(&self, since: Timestamp) -> Duration {
        let millis = self.on.clock.now().millis().saturating_sub(since.millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    async fn call(
        &self,
        claim: &Claim,
        request: &AcquirerRequest,
        send_before: Instant,
    ) -> Result<Next, WorkerError> {
        // Room for the outcome first: one that is known must never be refused.
        let room = self.on.engine.reserve().await?;
        let (payment_id, operation_id) = (request.payment_id, request.operation_id);
        match self.on.engine.call(request, send_before).await {
            CallAnswer::Concluded(outcome) => self.conclude(claim, request, outcome, room).await,
            CallAnswer::Unknown { cause } => {
                let is_new =
                    self.on.engine.mark_unknown(payment_id, operation_id, cause, room).await?;
                // A new one is made due by its own event; an old one may be at the acquirer still.
                let delay = self.settings.schedule.delay(claim.item.attempts);
                Ok(if is_new {
                    Next::Unknown
                } else {
                    Next::Again(delay.max(self.settings.limits.processing))
                })
            }
            CallAnswer::NotSent { .. } => {
                let tries = claim.item.attempts.min(10);
                let delay = NOT_SENT_DELAY.saturating_mul(2_u32.saturating_pow(tries));
                Ok(Next::Again(delay.min(self.settings.schedule.delay(claim.item.attempts))))
            }
        }
    }

    async fn inquire(
        &self,
        claim: &Claim,
        operation: &Operation,
        request: &AcquirerRequest,
        sent_by: Timestamp,
        send_before: Instant,
    ) -> Result<Next, WorkerError> {
        self.on.metrics.inquiries.inc();
        let limit = self.settings.limits.call;
        let inquiry = self.on.acquirer.inquire(request);
        let answer = tokio::time::timeout(limit, inquiry)
            .await
            .unwrap_or_else(|_| InquiryAnswer::Unknown { cause: "TIMEOUT".into() });
        let delay = self.settings.schedule.delay(claim.item.attempts);
        match answer {
            // A hold that must go is tried again for as long as the acquirer takes it.
            InquiryAnswer::Concluded(Outcome::Declined { .. } | Outcome::Failed { .. })
                if operation.verb == Verb::Reverse && !self.is_forgotten(operation) =>
            {
                self.call(claim, request, send_before).await
            }
            InquiryAnswer::Concluded(outcome) => {
                let room = self.on.engine.reserve().await?;
                self.conclude(claim, request, outcome, room).await
            }
            InquiryAnswer::Pending | InquiryAnswer::Unknown { .. } => Ok(Next::Again(delay)),
            InquiryAnswer::NotFound => {
                let processing = self.settings.limits.processing;
                if self.age(sent_by) < processing {
                    return Ok(Next::Again(processing.saturating_sub(self.age(sent_by))));
                }
                if operation.verb == Verb::Authorize {
                    let room = self.on.engine.reserve().await?;
                    self.conclude(claim, request, never_reached(), room).await
                } else if self.is_forgotten(operation) {
                    Ok(Next::Again(delay))
                } else {
                    self.call(claim, request, send_before).await
                }
            }
        }
    }

    async fn conclude(
        &self,
        claim: &Claim,
        request: &AcquirerRequest,
        outcome: Outcome,
        room: crate::engine::Room,
    ) -> Result<Next, WorkerError> {
        let engine = &self.on.engine;
        let is_concluded =
            engine.conclude(request.payment_id, request.operation_id, outcome, room).await?;
        Ok(if is_concluded {
            Next::Concluded
        } else {
            Next::Again(self.settings.schedule.delay(claim.item.attempts))
        })
    }
}
