//! Authorizations are called inline, by the process that recorded their intent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Room;
use super::snapshot::Snapshot;
use super::{Engine, EngineError};
use crate::acquirer::{AcquirerRequest, CallAnswer};
use crate::ids::OperationId;
use crate::payment::{AcquirerReference, Operation, Outcome};

const SEND_WINDOW_OVER: &str = "SEND_WINDOW_OVER";
const NOT_SENT_TRIES: u32 = 3;
const NOT_SENT_PAUSE: Duration = Duration::from_millis(50);
/// An outcome that can't be recorded is tried again; after that an inquiry finds it.
const RECORD_TRIES: u32 = 20;
const RECORD_PAUSE: Duration = Duration::from_millis(250);

impl Engine {
    /// Calls the acquirer and records what it says.
    pub(super) async fn call_and_record(
        self,
        snapshot: Arc<Snapshot>,
        operation_id: OperationId,
        send_before: Instant,
        room: Room,
    ) {
        let Some(operation) = snapshot.payment.operation(operation_id) else { return };
        let request = acquirer_request(&snapshot, operation);
        // A machine that was suspended in between has let the time pass on one clock only.
        let is_over = self.0.clock.now() >= snapshot.payment.send_before;
        let answer = if is_over {
            CallAnswer::NotSent { cause: SEND_WINDOW_OVER.into() }
        } else {
            self.call_until_sent(&request, send_before).await
        };
        if let Err(error) = self.record(&request, answer, room).await {
            tracing::error!(
                %error, payment_id = %request.payment_id, operation_id = %operation_id,
                "the outcome of a call could not be recorded; an inquiry will find it"
            );
        }
    }

    async fn call_until_sent(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let mut answer = self.call(request, send_before).await;
        for _ in 1..NOT_SENT_TRIES {
            if !matches!(answer, CallAnswer::NotSent { .. }) {
                break;
            }
            tokio::time::sleep(NOT_SENT_PAUSE).await;
            answer = self.call(request, send_before).await;
        }
        answer
    }

    /// One call, counted, and held to the call limit whatever the adapter does.
    pub async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        if Instant::now() >= send_before {
            return CallAnswer::NotSent { cause: SEND_WINDOW_OVER.into() };
        }
        self.0.metrics.acquirer_calls.inc();
        let limit = self.0.settings.limits.call.saturating_add(Duration::from_secs(1));
        let call = self.0.acquirer.call(request, send_before);
        let answer = tokio::time::timeout(limit, call)
            .await
            .unwrap_or_else(|_| CallAnswer::Unknown { cause: "TIMEOUT".into() });
        if matches!(answer, CallAnswer::Unknown { .. }) {
            self.0.metrics.acquirer_unknown.inc();
        }
        answer
    }

    async fn record(
        &self,
        request: &AcquirerRequest,
        answer: CallAnswer,
        room: Room,
    ) -> Result<(), EngineError> {
        let (payment_id, operation_id) = (request.payment_id, request.operation_id);
        let mut room = Some(room);
        let mut tries = 1;
        loop {
            let room = match room.take() {
                Some(room) => room,
                None => self.reserve().await?,
            };
            let recorded = match &answer {
                CallAnswer::Concluded(outcome) => {
                    self.conclude(payment_id, operation_id, outcome.clone(), room).await
                }
                CallAnswer::Unknown { cause } => {
                    self.mark_unknown(payment_id, operation_id, cause.clone(), room).await
                }
                CallAnswer::NotSent { .. } => {
                    self.conclude(payment_id, operation_id, never_reached(), room).await
                }
            };
            match recorded {
                Err(EngineError::Store(_) | EngineError::Overloaded) if tries < RECORD_TRIES => {
                    tries = tries.saturating_add(1);
                    tokio::time::sleep(RECORD_PAUSE).await;
                }
                recorded => return recorded.map(|_| ()),
            }
        }
    }
}

/// The outcome of an authorization that the acquirer provably never received.
#[must_use]
pub fn never_reached() -> Outcome {
    let code: Arc<str> = "ACQUIRER_NOT_REACHED".into();
    let acquirer = AcquirerReference {
        response_code: Some(code.clone()),
        response_message: Some("the acquirer never received the authorization".into()),
        ..AcquirerReference::default()
    };
    Outcome::Declined { code, acquirer }
}

/// An operation as it is put to the acquirer.
#[must_use]
pub fn acquirer_request(snapshot: &Snapshot, operation: &Operation) -> AcquirerRequest {
    let payment = &snapshot.payment;
    AcquirerRequest {
        operation_id: operation.id,
        payment_id: snapshot.payment_id,
        merchant_id: payment.merchant_id.clone(),
        verb: operation.verb,
        amount: operation.amount,
        currency: payment.currency,
        payment_method_token: payment.payment_method_token.clone(),
        authorization_id: payment
            .authorization()
            .and_then(|first| first.acquirer.transaction_id.clone()),
    }
}
