//! The engine's stand-in: one payment, decided and folded by the domain, concluded as scripted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::Payments;
use daybook_engine::clock::Timestamp;
use daybook_engine::engine::{
    Answer, AuthorizeRequest, CancelRequest, CaptureRequest, DryRun, EngineError, PaymentView,
    RefundRequest, Snapshot, VoidRequest,
};
use daybook_engine::event_text::{EventText, TextName};
use daybook_engine::idempotency::{Fingerprint, IdempotencyKey, Request};
use daybook_engine::ids::{EventId, OperationId, Partition, PaymentId};
use daybook_engine::ledger::Recorded;
use daybook_engine::merchant::MerchantId;
use daybook_engine::payment::{
    AcquirerReference, Authorize, Cancel, Capture, Command, Conclude, Decision, Event, Outcome,
    Payment, Refund, Rejection, Terms, Verb, Void, encode,
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
    pub(crate) cancellations: Mutex<Vec<CancelRequest>>,
    /// An authorization takes a permit first: none, and it stays in flight.
    pub(crate) gate: Semaphore,
    /// Operations carried through to their end.
    pub(crate) finished: Mutex<u32>,
    events: Mutex<Vec<Event>>,
    texts: Mutex<Vec<EventText>>,
    operations: AtomicU64,
}

impl StandIn {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script: Mutex::new(script),
            waits: Mutex::default(),
            authorizations: Mutex::default(),
            refunds: Mutex::default(),
            cancellations: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            finished: Mutex::default(),
            events: Mutex::default(),
            texts: Mutex::default(),
            operations: AtomicU64::new(1),
        }
    }

    pub(crate) fn play(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    /// The script, unless it says to refuse or to panic.
    fn obeyed(&self) -> Result<Script, EngineError> {
        let script = self.script.lock().unwrap().clone();
        match script {
            Script::Refuse(error) => Err(error),
            Script::Panic => panic!("as scripted"),
            other => Ok(other),
        }
    }

    fn folded(&self) -> Option<Payment> {
        Payment::fold(self.events.lock().unwrap().iter())
    }

    fn view(&self) -> Option<PaymentView> {
        Some(self.view_of(self.folded()?))
    }

    fn view_of(&self, payment: Payment) -> PaymentView {
        let (partition, position) = (Partition::new(3), u64::from(payment.version) + 40);
        let payment_id = payment_id();
        let snapshot = Snapshot { payment_id, partition, position, payment };
        PaymentView { snapshot: Arc::new(snapshot), texts: self.texts.lock().unwrap().clone() }
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
        let next_operation_id = self.new_operation_id();
        let conclude =
            Command::Conclude(Conclude { operation_id, outcome, next_operation_id, terms });
        self.decide(&payment, &conclude).unwrap();
    }

    /// A cancellation may begin two.
    fn conclude_the_void_beside(&self, script: &Script, operation_id: OperationId) {
        let payment = self.folded().unwrap();
        let void = payment.open_operations().find(|open| open.verb == Verb::Void);
        if let Some(void) = void.filter(|void| void.id != operation_id) {
            self.conclude(script, void.id);
        }
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
            Err(rejection) => return Err(rejected(rejection)),
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
        let script = self.obeyed()?;
        let replayed = begin(self.folded().as_ref())?;
        if replayed.is_none() {
            self.conclude(&script, operation_id);
            self.conclude_the_void_beside(&script, operation_id);
        }
        *self.finished.lock().unwrap() += 1;
        Ok(Answer {
            view: self.view().unwrap(),
            operation_id: replayed.unwrap_or(operation_id),
            is_replay: replayed.is_some(),
        })
    }

    /// What begins on a payment needs one.
    fn begin(&self, wait: Duration, request: DryRun) -> Result<Answer, EngineError> {
        let operation_id = self.new_operation_id();
        let command = self.command(request, operation_id);
        self.play_out(operation_id, wait, |payment| match payment {
            Some(payment) => self.decide(payment, &command),
            None => Err(not_found()),
        })
    }

    fn command(&self, request: DryRun, operation_id: OperationId) -> Command {
        match request {
            DryRun::Authorize(asked) => Command::Authorize(authorization(asked, operation_id)),
            DryRun::Capture(asked) => Command::Capture(Capture {
                operation_id,
                request: kept(asked.key, &format!("{:?} {}", asked.amount, asked.is_final)),
                merchant_id: asked.merchant_id,
                amount: asked.amount,
                is_final: asked.is_final,
            }),
            DryRun::Void(asked) => Command::Void(Void {
                operation_id,
                request: kept(asked.key, ""),
                merchant_id: asked.merchant_id,
            }),
            DryRun::Refund(asked) => Command::Refund(Refund {
                operation_id,
                request: kept(asked.key, &format!("{:?}", asked.amount)),
                merchant_id: asked.merchant_id,
                amount: asked.amount,
                reason_hash: None,
            }),
            DryRun::Cancel(asked) => {
                let (request, merchant_id) = (kept(asked.key, "cancel"), asked.merchant_id);
                let void = Void {
                    operation_id,
                    request: request.clone(),
                    merchant_id: merchant_id.clone(),
                };
                let (amount, reason_hash) = (None, None);
                let refund = Refund { operation_id, request, merchant_id, amount, reason_hash };
                Command::Cancel(Cancel { void, refund, void_beside: self.new_operation_id() })
            }
        }
    }

    fn new_operation_id(&self) -> OperationId {
        let last = self.operations.fetch_add(1, Ordering::Relaxed);
        OperationId::from_uuid(Uuid::from_u128(u128::from(last)))
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
        let operation_id = self.new_operation_id();
        let texts = [
            (TextName::Reference, request.reference.clone()),
            (TextName::Metadata, request.metadata.clone()),
        ];
        let command = authorization(request, operation_id);
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
        self.begin(wait, DryRun::Capture(request))
    }

    async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.begin(wait, DryRun::Void(request))
    }

    async fn refund(&self, request: RefundRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.refunds.lock().unwrap().push(request.clone());
        self.begin(wait, DryRun::Refund(request))
    }

    async fn cancel(&self, request: CancelRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.cancellations.lock().unwrap().push(request.clone());
        self.begin(wait, DryRun::Cancel(request))
    }

    async fn dry_run(&self, request: DryRun) -> Result<Answer, EngineError> {
        if let Script::Refuse(error) = &*self.script.lock().unwrap() {
            return Err(error.clone());
        }
        let operation_id = self.new_operation_id();
        let command = self.command(request, operation_id);
        let (payment, replayed) = match (self.folded(), &command) {
            (None, Command::Authorize(first)) => {
                (Payment::begin_with(&Payment::request(first, now())).unwrap(), None)
            }
            (None, _) => return Err(not_found()),
            (Some(payment), _) => match payment.decide(&command, now()).map_err(rejected)? {
                Decision::Append(events) => (events.iter().fold(payment, Payment::evolve), None),
                Decision::Replay(operation_id) => (payment, Some(operation_id)),
                Decision::Nothing => (payment, None),
            },
        };
        Ok(Answer {
            view: self.view_of(payment),
            operation_id: replayed.unwrap_or(operation_id),
            is_replay: replayed.is_some(),
        })
    }

    async fn payment_created_by(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<PaymentView>, EngineError> {
        self.obeyed()?;
        Ok(self.view().filter(|view| {
            let payment = &view.snapshot.payment;
            let first = payment.authorization().and_then(|first| first.request.as_ref());
            payment.merchant_id == *merchant_id
                && first.and_then(|request| request.key.as_ref()) == Some(key)
        }))
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError> {
        self.obeyed()?;
        Ok(self.view().filter(|view| view.snapshot.payment_id == id))
    }

    async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError> {
        self.obeyed()?;
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

fn authorization(asked: AuthorizeRequest, operation_id: OperationId) -> Authorize {
    let request = kept(Some(asked.key), &format!("{} {}", asked.amount, asked.currency));
    Authorize {
        operation_id,
        request,
        merchant_id: asked.merchant_id,
        currency: asked.currency,
        amount: asked.amount,
        capture_method: asked.capture_method,
        payment_method_token: asked.payment_method_token,
        reference_hash: None,
        metadata_hash: None,
        send_before: now(),
    }
}

fn rejected(rejection: Rejection) -> EngineError {
    EngineError::Rejected { payment_id: Some(payment_id()), rejection }
}

fn not_found() -> EngineError {
    rejected(Rejection::NotFound)
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn kept(key: Option<IdempotencyKey>, asked: &str) -> Request {
    let mut fingerprint = [0; 32];
    fingerprint[..asked.len()].copy_from_slice(asked.as_bytes());
    Request { key, fingerprint: Fingerprint::from_bytes(fingerprint), representation: 1 }
}
