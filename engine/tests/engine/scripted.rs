//! An acquirer that says what a test scripted, and remembers everything it was asked.
//!
//! It watches the engine's promises at every contact: what breaks one is kept as a breach, and
//! the stage that owns the acquirer fails its test with it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::acquirer::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer, Notice};
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::ledger::Ledger;
use daybook_engine::money::Amount;
use daybook_engine::payment::{AcquirerReference, Outcome, Verb};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Inquiry,
}

/// One call or inquiry, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) kind: Kind,
    pub(crate) verb: Verb,
    pub(crate) payment_id: PaymentId,
    pub(crate) operation_id: OperationId,
    pub(crate) amount: Amount,
}

#[derive(Default)]
struct State {
    answers: HashMap<Verb, VecDeque<CallAnswer>>,
    inquiry_answers: HashMap<Verb, VecDeque<InquiryAnswer>>,
    contacts: Vec<Contact>,
    /// Which operation of each payment is here just now.
    present: HashMap<PaymentId, OperationId>,
    breaches: Vec<String>,
}

pub(crate) struct Scripted {
    ledger: Arc<dyn Ledger>,
    state: Mutex<State>,
    is_held: watch::Sender<bool>,
    is_away: AtomicBool,
    notices: mpsc::Sender<Notice>,
    fetched: AsyncMutex<mpsc::Receiver<Notice>>,
}

impl Scripted {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Arc<Self> {
        let (notices, fetched) = mpsc::channel(16);
        let (is_held, _) = watch::channel(false);
        let state = Mutex::default();
        let is_away = AtomicBool::new(false);
        Arc::new(Self {
            ledger,
            state,
            is_held,
            is_away,
            notices,
            fetched: AsyncMutex::new(fetched),
        })
    }

    /// The next call of this verb is answered so; without a script it is approved.
    pub(crate) fn answer(&self, verb: Verb, answer: CallAnswer) {
        self.state().answers.entry(verb).or_default().push_back(answer);
    }

    /// The next inquiry about this verb is answered so; without a script it was approved.
    pub(crate) fn answer_inquiry(&self, verb: Verb, answer: InquiryAnswer) {
        self.state().inquiry_answers.entry(verb).or_default().push_back(answer);
    }

    /// Calls arrive, and are not answered before [`Scripted::release_calls`].
    pub(crate) fn hold_calls(&self) {
        self.is_held.send_replace(true);
    }

    pub(crate) fn release_calls(&self) {
        self.is_held.send_replace(false);
    }

    /// From now on it is known to take no calls, or takes them again.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) async fn notify(&self, notice: Notice) {
        self.notices.send(notice).await.unwrap();
    }

    pub(crate) fn contacts(&self) -> Vec<Contact> {
        self.state().contacts.clone()
    }

    pub(crate) fn calls(&self, verb: Verb) -> Vec<OperationId> {
        self.ids(Kind::Call, verb)
    }

    pub(crate) fn inquiries(&self, verb: Verb) -> Vec<OperationId> {
        self.ids(Kind::Inquiry, verb)
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.state().present.is_empty()
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.state().breaches.clone()
    }

    fn ids(&self, kind: Kind, verb: Verb) -> Vec<OperationId> {
        let contacts = self.contacts();
        let wanted = contacts.iter().filter(|c| c.kind == kind && c.verb == verb);
        wanted.map(|contact| contact.operation_id).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, kind: Kind, request: &AcquirerRequest) -> Presence<'_> {
        let AcquirerRequest { verb, payment_id, operation_id, amount, .. } = *request;
        let mut state = self.state();
        state.contacts.push(Contact { kind, verb, payment_id, operation_id, amount });
        if let Some(other) = state.present.insert(payment_id, operation_id) {
            let breach = format!("{operation_id} came while {other} of {payment_id} was here");
            state.breaches.push(breach);
        }
        Presence { acquirer: self, payment_id }
    }

    /// The intent must stand in the ledger, and an operation with an outcome is left alone.
    async fn check_ledger(&self, request: &AcquirerRequest) {
        let recorded = self.ledger.load(request.payment_id).await.unwrap();
        let of_operation = recorded.iter().filter(|recorded| {
            recorded.decode().unwrap().header.operation_id == Some(request.operation_id)
        });
        let types: Vec<&str> = of_operation.map(|recorded| &*recorded.event_type).collect();
        let is_requested = types.first().is_some_and(|first| first.ends_with("_requested"));
        let unknown = "payment.operation_unknown";
        if !is_requested || types.iter().skip(1).any(|later| *later != unknown) {
            let id = request.operation_id;
            let breach = format!("{:?} {id} was called with {types:?} recorded", request.verb);
            self.state().breaches.push(breach);
        }
    }
}

/// An operation is with the acquirer until this is dropped.
struct Presence<'a> {
    acquirer: &'a Scripted,
    payment_id: PaymentId,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.acquirer.state().present.remove(&self.payment_id);
    }
}

#[async_trait]
impl Acquirer for Scripted {
    fn unavailable_for(&self) -> Option<Duration> {
        self.is_away.load(Ordering::SeqCst).then_some(Duration::ZERO)
    }

    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let _presence = self.arrive(Kind::Call, request);
        if Instant::now() >= send_before {
            let breach = format!("{} was sent after its window", request.operation_id);
            self.state().breaches.push(breach);
        }
        self.check_ledger(request).await;
        let scripted = self.state().answers.get_mut(&request.verb).and_then(VecDeque::pop_front);
        let mut held = self.is_held.subscribe();
        held.wait_for(|is_held| !is_held).await.unwrap();
        // Others get a turn while the operation is here, so that an overlap can show.
        tokio::task::yield_now().await;
        scripted.unwrap_or_else(|| CallAnswer::Concluded(approved(request)))
    }

    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer {
        let _presence = self.arrive(Kind::Inquiry, request);
        self.check_ledger(request).await;
        tokio::task::yield_now().await;
        let mut state = self.state();
        let scripted = state.inquiry_answers.get_mut(&request.verb).and_then(VecDeque::pop_front);
        scripted.unwrap_or_else(|| InquiryAnswer::Concluded(approved(request)))
    }

    async fn notice(&self) -> Notice {
        self.fetched.lock().await.recv().await.unwrap()
    }
}

fn approved(request: &AcquirerRequest) -> Outcome {
    approval(request.amount, &format!("tx-{}", request.operation_id))
}

pub(crate) fn approval(amount: Amount, transaction_id: &str) -> Outcome {
    let acquirer = AcquirerReference {
        transaction_id: Some(transaction_id.into()),
        approval_code: Some("123456".into()),
        response_code: Some("00".into()),
        response_message: None,
    };
    Outcome::Approved { amount, acquirer }
}

pub(crate) fn failure(code: &str) -> Outcome {
    Outcome::Failed { code: code.into(), acquirer: AcquirerReference::default() }
}

pub(crate) fn unknown() -> CallAnswer {
    CallAnswer::Unknown { cause: "CONNECTION_CUT".into() }
}
