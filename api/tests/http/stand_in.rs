//! The engine's stand-in: one payment, decided and folded by the domain, concluded as scripted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::Payments;
use daybook_engine::clock::Timestamp;
use daybook_engine::engine::{
    Answer, AuthorizeRequest, CaptureRequest, EngineError, PaymentView, RefundRequest, Snapshot,
    VoidRequest,
};
use daybook_engine::event_text::{EventText, TextName};
use daybook_engine::idempotency::{Fingerprint, IdempotencyKey, Request};
use daybook_engine::ids::{EventId, OperationId, Partition, PaymentId};
use daybook_engine::ledger::Recorded;
use daybook_engine::payment::{
    AcquirerReference, Authorize, Capture, Command, Conclude, Decision, Event, Outcome, Payment,
    Refund, Rejection, Terms, Void, encode,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(crate) const PAYMENT_ID: &str = "7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";

/// What becomes of the next operations.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Approve,
    Decline,
    LeavePending,
    Refuse(EngineError),
    Panic,
}

pub(crate) struct StandIn {
    pub(crate) script: Mutex<Script>,
    /// The waits asked for, and the requests as the engine got them.
    pub(crate) waits: Mutex<Vec<Duration>>,
    pub(crate) authorizations: Mutex<Vec<AuthorizeRequest>>,
    pub(crate) refunds: Mutex<Vec<RefundRequest>>,
    /// An authorization takes a permit first: none, and it stays in flight.
    pub(crate) gate: Semaphore,
    /// Operations carried through to their end.
    pub(crate) finished: Mutex<u32>,
    events: Mutex<Vec<Event>>,
    texts: Mutex<Vec<EventText>>,
}

impl StandIn {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script: Mutex::new(script),
            waits: Mutex::default(),
            authorizations: Mutex::default(),
            refunds: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            finished: Mutex::default(),
            events: Mutex::default(),
            texts: Mutex::default(),
        }
    }

    pub(crate) fn play(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    fn folded(&self) -> Option<Payment> {
        Payment::fold(self.events.lock().unwrap().iter())
    }

    fn view(&self) -> Option<PaymentView> {
        let payment = self.folded()?;
        let (partition, position) = (Partition::new(3), u64::from(payment.version) + 40);
        let payment_id = payment_id();
        let snapshot = Snapshot { payment_id, partition, position, payment };
        Some(PaymentView {
            snapshot: Arc::new(snapshot),
            texts: self.texts.lock().unwrap().clone(),
        })
    }

    fn conclude(&self, script: &Script, operation_id: OperationId) {
        let acquirer = AcquirerReference {
            transaction_id: Some("t-1".into()),
            approval_code: None,
            response_code: Some("05".into()),
            response_message: Some("do not honour".into()),
        };
        let payment = self.folded().unwrap();
        let amount = payment.operation(operation_id).unwrap().amount;
        let outcome = match script {
            Script::Approve => Outcome::Approved { amount, acquirer },
            Script::Decline => Outcome::Declined { code: "DO_NOT_HONOUR".into(), acquirer },
            _ => return,
        };
        let terms = Terms { fee_bps: 290, expires_after_ms: 1_000, settlement_offset_minutes: 0 };
        let next_operation_id = new_operation_id();
        let conclude =
            Command::Conclude(Conclude { operation_id, outcome, next_operation_id, terms });
        self.decide(&payment, &conclude).unwrap();
    }

    /// The operation that a replayed command began.
    fn decide(
        &self,
        payment: &Payment,
        command: &Command,
    ) -> Result<Option<OperationId>, EngineError> {
        match payment.decide(command, payment.updated_at) {
            Ok(Decision::Append(events)) => self.events.lock().unwrap().extend(events),
            Ok(Decision::Replay(operation_id)) => return Ok(Some(operation_id)),
            Ok(Decision::Nothing) => {}
            Err(rejection) => {
                return Err(EngineError::Rejected { payment_id: Some(payment_id()), rejection });
            }
        }
        Ok(None)
    }

    fn play_out(
        &self,
        operation_id: OperationId,
        wait: Duration,
        begin: impl FnOnce(Option<&Payment>) -> Result<Option<OperationId>, EngineError>,
    ) -> Result<Answer, EngineError> {
        self.waits.lock().unwrap().push(wait);
        let script = self.script.lock().unwrap().clone();
        match &script {
            Script::Refuse(error) => return Err(error.clone()),
            Script::Panic => panic!("as scripted"),
            _ => {}
        }
        let replayed = begin(self.folded().as_ref())?;
        if replayed.is_none() {
            self.conclude(&script, operation_id);
        }
        *self.finished.lock().unwrap() += 1;
        Ok(Answer {
            view: self.view().unwrap(),
            operation_id: replayed.unwrap_or(operation_id),
            is_replay: replayed.is_some(),
        })
    }

    /// Captures, voids and refunds need a payment.
    fn command(
        &self,
        wait: Duration,
        command: impl FnOnce(OperationId) -> Command,
    ) -> Result<Answer, EngineError> {
        let operation_id = new_operation_id();
        self.play_out(operation_id, wait, |payment| match payment {
            Some(payment) => self.decide(payment, &command(operation_id)),
            None => Err(EngineError::Rejected {
                payment_id: Some(payment_id()),
                rejection: Rejection::NotFound,
            }),
        })
    }

    fn keep_texts(&self, texts: [(TextName, Option<Arc<str>>); 2]) {
        let kept = texts.into_iter().filter_map(|(name, text)| {
            text.map(|text| EventText { version: 1, name, salt: Some([7; 16]), text: Some(text) })
        });
        self.texts.lock().unwrap().extend(kept);
    }
}

#[async_trait]
impl Payments for StandIn {
    async fn with_texts(&self, snapshots: Vec<Snapshot>) -> Result<Vec<PaymentView>, EngineError> {
        let texts = self.texts.lock().unwrap().clone();
        let view = |snapshot| PaymentView { snapshot: Arc::new(snapshot), texts: texts.clone() };
        Ok(snapshots.into_iter().map(view).collect())
    }

    async fn authorize(
        &self,
        request: AuthorizeRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        self.authorizations.lock().unwrap().push(request.clone());
        self.gate.acquire().await.unwrap().forget();
        let operation_id = new_operation_id();
        let asked = format!("{} {}", request.amount, request.currency);
        let command = Authorize {
            operation_id,
            request: kept(Some(request.key), &asked),
            merchant_id: request.merchant_id,
            currency: request.currency,
            amount: request.amount,
            capture_method: request.capture_method,
            payment_method_token: request.payment_method_token,
            reference_hash: None,
            metadata_hash: None,
            send_before: now(),
        };
        let texts =
            [(TextName::Reference, request.reference), (TextName::Metadata, request.metadata)];
        self.play_out(operation_id, wait, |payment| match payment {
            Some(payment) => self.decide(payment, &Command::Authorize(command)),
            None => {
                self.keep_texts(texts);
                self.events.lock().unwrap().push(Payment::request(&command, now()));
                Ok(None)
            }
        })
    }

    async fn capture(
        &self,
        request: CaptureRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        self.command(wait, |operation_id| {
            Command::Capture(Capture {
                operation_id,
                request: kept(request.key, &format!("{:?} {}", request.amount, request.is_final)),
                merchant_id: request.merchant_id,
                amount: request.amount,
                is_final: request.is_final,
            })
        })
    }

    async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.command(wait, |operation_id| {
            let merchant_id = request.merchant_id;
            Command::Void(Void { operation_id, request: kept(request.key, ""), merchant_id })
        })
    }

    async fn refund(&self, request: RefundRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.refunds.lock().unwrap().push(request.clone());
        self.command(wait, |operation_id| {
            Command::Refund(Refund {
                operation_id,
                request: kept(request.key, &format!("{:?}", request.amount)),
                merchant_id: request.merchant_id,
                amount: request.amount,
                reason_hash: None,
            })
        })
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError> {
        Ok(self.view().filter(|view| view.snapshot.payment_id == id))
    }

    async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError> {
        let events = self.events.lock().unwrap();
        let recorded = events.iter().zip(1..).map(|(event, version)| Recorded {
            partition: Partition::new(3),
            position: u64::from(version) + 40,
            payment_id: id,
            version,
            event_id: EventId::from_uuid(Uuid::from_u128(u128::from(version))),
            event_type: event.body.event_type().as_str().into(),
            data: encode(event).into(),
            traceparent: None,
            recorded_at: now(),
        });
        Ok(if id == payment_id() { recorded.collect() } else { Vec::new() })
    }
}

pub(crate) fn payment_id() -> PaymentId {
    PAYMENT_ID.parse().unwrap()
}

fn new_operation_id() -> OperationId {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(0);
    OperationId::from_uuid(Uuid::from_u128(u128::from(LAST.fetch_add(1, Ordering::Relaxed))))
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn kept(key: Option<IdempotencyKey>, asked: &str) -> Request {
    let mut fingerprint = [0; 32];
    fingerprint[..asked.len()].copy_from_slice(asked.as_bytes());
    Request { key, fingerprint: Fingerprint::from_bytes(fingerprint), representation: 1 }
}
