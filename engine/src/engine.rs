//! The engine: decides a command on the payment's committed state, appends what it comes to, and
//! answers when the outcome stands in the ledger.
//!
//! An authorization is two appends: its intent, then (after the acquirer's answer) its outcome.
//! Captures, voids and refunds are one append here; a worker calls the acquirer and records the
//! outcome. Many requests share one commit (see `writer`), and those of one payment take turns
//! (see `slot`).

mod admission;
mod cache;
mod dry_run;
mod execute;
mod inline;
mod intent;
mod metrics;
mod outcome;
mod reading;
mod request;
mod resolving;
mod settings;
mod slot;
mod snapshot;
mod writer;

pub use admission::Room;
pub use inline::{acquirer_request, never_reached};
pub use metrics::EngineMetrics;
pub use outcome::Expiry;
pub use request::{
    AuthorizeRequest, CancelRequest, CaptureRequest, DryRun, RefundRequest, VoidRequest,
};
pub use resolving::Resolved;
pub use settings::EngineSettings;
pub use snapshot::{Answer, PaymentView, Snapshot};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::admission::Admission;
use self::cache::Cache;
use self::execute::{Executed, Step};
use self::intent::Intent;
use self::outcome::Poll;
use self::slot::Slots;
use self::writer::Writer;
use crate::acquirer::Acquirer;
use crate::clock::Clock;
use crate::ids::{Ids, PaymentId};
use crate::ledger::{Ledger, LedgerIdentity, StoreError};
use crate::payment::{DecodeError, Rejection};
use crate::wake::Wake;

/// Why the engine gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The payment's state forbids it; nothing was recorded.
    #[error("{rejection}")]
    Rejected { payment_id: Option<PaymentId>, rejection: Rejection },
    /// Too much is waiting already; nothing was recorded.
    #[error("the engine is at its limit: try again in a moment")]
    Overloaded,
    /// The acquirer takes no calls; nothing was recorded.
    #[error("the acquirer takes no calls just now: try again in a moment")]
    AcquirerUnavailable,
    /// The process is stopping; nothing was recorded.
    #[error("the process is stopping: try again in a moment")]
    Stopping,
    #[error("the ledger can't be used: try again with the same key")]
    Store(#[source] StoreError),
    #[error("the ledger holds what this build can't read")]
    Unreadable(#[source] DecodeError),
}

impl EngineError {
    const fn rejected(payment_id: PaymentId, rejection: Rejection) -> Self {
        Self::Rejected { payment_id: Some(payment_id), rejection }
    }
}

/// What the engine stands on.
pub struct Foundations {
    pub ledger: Arc<dyn Ledger>,
    pub acquirer: Arc<dyn Acquirer>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub wake: Wake,
    pub metrics: Arc<EngineMetrics>,
}

impl fmt::Debug for Foundations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Foundations")
    }
}

/// The engine; cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    identity: LedgerIdentity,
    ledger: Arc<dyn Ledger>,
    acquirer: Arc<dyn Acquirer>,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    settings: EngineSettings,
    metrics: Arc<EngineMetrics>,
    writer: Writer,
    admission: Admission,
    cache: Cache,
    slots: Slots,
    /// Requests that may wait for an outcome at a time.
    waiting: Semaphore,
    /// Calls to the acquirer that go on without their request.
    calls: TaskTracker,
}

impl Engine {
    /// Starts the engine and its writer task.
    #[must_use]
    pub fn start(foundations: Foundations, settings: EngineSettings) -> Self {
        let Foundations { ledger, acquirer, clock, ids, wake, metrics } = foundations;
        let capacity = settings.queue_max;
        let admission = Admission::new(capacity);
        let writer =
            Writer::start(ledger.clone(), &settings, wake, metrics.clone(), admission.clone());
        Self(Arc::new(Inner {
            identity: ledger.identity(),
            admission,
            cache: Cache::new(settings.cache_max),
            slots: Slots::default(),
            waiting: Semaphore::new(settings.waiting_max.min(Semaphore::MAX_PERMITS)),
            calls: TaskTracker::new(),
            ledger,
            acquirer,
            clock,
            ids,
            settings,
            metrics,
            writer,
        }))
    }

    /// Waits, up to `limit`, until every call to the acquirer has its outcome recorded; an inquiry
    /// finds the outcomes of others. To be called when no new request can come. `false` where the
    /// time was up.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.0.calls.close();
        tokio::time::timeout(limit, self.0.calls.wait()).await.is_ok()
    }

    /// Authorizes a payment, or finds the one that this merchant and key created. Waits for the
    /// outcome up to `wait`; an answer without an outcome says so.
    ///
    /// # Errors
    /// [`EngineError`]; with the key, the request may always be repeated.
    pub async fn authorize(
        &self,
        request: AuthorizeRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let deadline = Instant::now() + wait;
        let send_before = Instant::now() + self.0.settings.limits.send_window;
        let intent = self.intent_to_authorize(request);
        let mut room = self.admit(2)?;
        let for_intent = room.take_one().ok_or(EngineError::Overloaded)?;
        match self.execute(Step::Intent(&intent), for_intent).await? {
            Executed::Appended(snapshot) => {
                let operation_id = intent.operation_id;
                let call =
                    self.clone().call_and_record(snapshot.clone(), operation_id, send_before, room);
                self.0.calls.spawn(call);
                let poll = Poll::of_own_call();
                self.await_outcome(snapshot, operation_id, false, deadline, poll).await
            }
            Executed::Replay(snapshot, operation_id) => {
                // Whoever waits records nothing, and must not keep others from recording.
                drop(room);
                let poll = Poll::default();
                self.await_outcome(snapshot, operation_id, true, deadline, poll).await
            }
            Executed::Nothing(_) => {
                Err(EngineError::rejected(intent.payment_id, Rejection::KeyReused))
            }
        }
    }

    /// Captures a payment, whole or in part.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn capture(
        &self,
        request: CaptureRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let intent = Intent::capture(request, &self.0.ids);
        self.begin(&intent, Instant::now() + wait).await
    }

    /// Voids what is left of a payment.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError> {
        let intent = Intent::void(request, &self.0.ids);
        self.begin(&intent, Instant::now() + wait).await
    }

    /// Refunds a payment, whole or in part. While a capture is pending it waits like the capture.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn refund(
        &self,
        request: RefundRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let deadline = Instant::now() + wait;
        let intent = Intent::refund(request, &self.0.ids);
        let waits_for = |rejection: &Rejection| matches!(rejection, Rejection::CapturePending);
        self.begin_after(&intent, deadline, waits_for).await
    }

    /// Gives back all that a payment holds, decided in one append on what the ledger has: what is
    /// not captured is voided, what is captured refunded, and the answer waits for both. While an
    /// open operation stands in the way it waits like that operation.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn cancel(
        &self,
        request: CancelRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let deadline = Instant::now() + wait;
        let intent = Intent::cancel(request, &self.0.ids);
        self.begin_after(&intent, deadline, Rejection::is_transient).await
    }

    fn intent_to_authorize(&self, request: AuthorizeRequest) -> Intent {
        let window = self.0.settings.limits.send_window;
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let expires = self.0.clock.now().plus_millis(window_ms);
        Intent::authorize(request, self.0.identity.id, expires, &self.0.ids)
    }

    /// Begins once nothing that is waited for stands in the way, or the time is up.
    async fn begin_after(
        &self,
        intent: &Intent,
        deadline: Instant,
        waits_for: impl Fn(&Rejection) -> bool,
    ) -> Result<Answer, EngineError> {
        let mut poll = Poll::default();
        loop {
            match self.begin(intent, deadline).await {
                Err(EngineError::Rejected { rejection, .. })
                    if waits_for(&rejection) && Instant::now() < deadline =>
                {
                    self.await_change(intent.payment_id, deadline, poll.next()).await;
                }
                answer => return answer,
            }
        }
    }

    async fn begin(&self, intent: &Intent, deadline: Instant) -> Result<Answer, EngineError> {
        let room = self.admit(1)?;
        let (snapshot, operation_id, is_replay) =
            match self.execute(Step::Intent(intent), room).await? {
                Executed::Appended(snapshot) => (snapshot, intent.operation_id, false),
                Executed::Replay(snapshot, operation_id) => (snapshot, operation_id, true),
                Executed::Nothing(_) => {
                    return Err(EngineError::rejected(intent.payment_id, Rejection::NotFound));
                }
            };
        self.await_outcome(snapshot, operation_id, is_replay, deadline, Poll::default()).await
    }

    fn admit(&self, appends: u32) -> Result<Room, EngineError> {
        if self.0.calls.is_closed() {
            return Err(EngineError::Stopping);
        }
        self.0.admission.try_admit(appends).ok_or_else(|| {
            self.0.metrics.refused_overloaded.inc();
            EngineError::Overloaded
        })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}
