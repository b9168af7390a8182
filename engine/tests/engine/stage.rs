//! What an engine stands on in these tests, and the requests made of it.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::acquirer::Acquirer;
use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::engine::{
    Answer, AuthorizeRequest, CaptureRequest, EngineError, EngineMetrics, EngineSettings,
    Foundations, RefundRequest, VoidRequest,
};
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::{Ids, LedgerId, PaymentId};
use daybook_engine::lease::HeldPartitions;
use daybook_engine::ledger::faulty::FaultyLedger;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{Ledger, LedgerIdentity};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::notices::Notices;
use daybook_engine::payment::{CaptureMethod, Rejection};
use daybook_engine::wake::Wake;
use daybook_engine::work::memory::MemoryWork;
use daybook_engine::work::{InquirySchedule, WorkStore};
use daybook_engine::workers::{WorkerFoundations, WorkerSettings, Workers};
use tokio::time::Instant;
use uuid::Uuid;

use crate::scripted::Scripted;

/// Longer than anything that a test waits for; on the paused clock it costs nothing.
pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ledger: Arc<MemoryLedger>,
    /// The same ledger, and the one that engines and workers use.
    pub(crate) faulty: Arc<FaultyLedger>,
    pub(crate) acquirer: Arc<Scripted>,
    pub(crate) work: Arc<MemoryWork>,
    /// What workers hold.
    pub(crate) partitions: HeldPartitions,
    pub(crate) metrics: Arc<EngineMetrics>,
    ids: Arc<Ids>,
    wake: Wake,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::seeded(1, 4)
    }

    /// One whose ids differ from those of other seeds, on a ledger of so many partitions.
    pub(crate) fn seeded(seed: u64, partitions: u16) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let id = LedgerId::from_uuid(Uuid::from_u128(7));
        let identity = LedgerIdentity { id, incarnation: 1, partitions };
        let ledger = Arc::new(MemoryLedger::new(identity));
        Self {
            acquirer: Scripted::new(ledger.clone()),
            faulty: FaultyLedger::new(ledger.clone()),
            work: Arc::new(MemoryWork::new(clock.clone())),
            ids: Arc::new(Ids::seeded(clock.clone(), seed)),
            metrics: Arc::default(),
            wake: Wake::default(),
            partitions: HeldPartitions::all(partitions),
            ledger,
            clock,
        }
    }

    /// Another process over the same stores and acquirer, with its own line to the ledger.
    pub(crate) fn beside(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            ledger: self.ledger.clone(),
            faulty: FaultyLedger::new(self.ledger.clone()),
            acquirer: self.acquirer.clone(),
            work: self.work.clone(),
            partitions: self.partitions.clone(),
            metrics: Arc::default(),
            ids: self.ids.clone(),
            wake: Wake::default(),
        }
    }

    /// Loses every work row and cursor.
    pub(crate) fn lose_work(&mut self) {
        self.work = Arc::new(MemoryWork::new(self.clock.clone()));
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine_with(EngineSettings::default())
    }

    pub(crate) fn engine_with(&self, settings: EngineSettings) -> Engine {
        self.engine_calling(self.acquirer.clone(), settings)
    }

    pub(crate) fn engine_calling(
        &self,
        acquirer: Arc<dyn Acquirer>,
        settings: EngineSettings,
    ) -> Engine {
        let foundations = Foundations {
            ledger: self.faulty.clone(),
            acquirer,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            wake: self.wake.clone(),
            metrics: self.metrics.clone(),
        };
        Engine::start(foundations, settings)
    }

    pub(crate) fn workers(&self, engine: &Engine) -> Workers {
        self.workers_calling(self.acquirer.clone(), engine, self.work.clone())
    }

    pub(crate) fn workers_calling(
        &self,
        acquirer: Arc<dyn Acquirer>,
        engine: &Engine,
        work: Arc<dyn WorkStore>,
    ) -> Workers {
        let foundations = WorkerFoundations {
            engine: engine.clone(),
            ledger: self.faulty.clone(),
            work,
            partitions: self.partitions.clone(),
            acquirer,
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            metrics: self.metrics.clone(),
        };
        let settings = WorkerSettings {
            concurrency_max: 8,
            limits: EngineSettings::default().limits,
            schedule: InquirySchedule::default(),
        };
        Workers::new(foundations, settings)
    }

    /// What takes the notices of a process with this engine.
    pub(crate) fn notices(&self, engine: &Engine) -> Notices {
        Notices { engine: engine.clone(), acquirer: self.acquirer.clone() }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance_millis(i64::try_from(by.as_millis()).unwrap());
    }

    /// The types of a payment's events, without `payment.`.
    pub(crate) async fn types(&self, id: PaymentId) -> Vec<String> {
        let recorded = self.ledger.load(id).await.unwrap();
        let short = |name: &str| name.trim_start_matches("payment.").to_owned();
        recorded.iter().map(|recorded| short(&recorded.event_type)).collect()
    }

    /// How many texts stand beside a payment's events.
    pub(crate) async fn texts(&self, id: PaymentId) -> usize {
        self.ledger.texts(id).await.unwrap().len()
    }

    /// How many events the ledger holds.
    pub(crate) async fn events(&self) -> u64 {
        self.ledger.heads().await.unwrap().iter().map(|head| head.position).sum()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let breaches = self.acquirer.breaches();
        assert!(std::thread::panicking() || breaches.is_empty(), "{breaches:#?}");
    }
}

/// Returns when the condition holds; panics, naming what it waited for, when it never does.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let give_up_at = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < give_up_at, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

pub(crate) fn authorize(name: &str, minor: i64) -> AuthorizeRequest {
    AuthorizeRequest {
        merchant_id: MerchantId::parse("merchant-1").unwrap(),
        key: key(name),
        currency: Currency::parse("EUR").unwrap(),
        amount: amount(minor),
        capture_method: CaptureMethod::Manual,
        payment_method_token: None,
        reference: None,
        metadata: None,
        traceparent: None,
    }
}

pub(crate) fn capture(payment_id: PaymentId, name: &str, minor: i64) -> CaptureRequest {
    CaptureRequest {
        payment_id,
        merchant_id: None,
        key: Some(key(name)),
        amount: Some(amount(minor)),
        is_final: false,
        traceparent: None,
    }
}

pub(crate) fn refund(payment_id: PaymentId, name: &str, minor: i64) -> RefundRequest {
    RefundRequest {
        payment_id,
        merchant_id: None,
        key: Some(key(name)),
        amount: Some(amount(minor)),
        reason: None,
        traceparent: None,
    }
}

pub(crate) fn void(payment_id: PaymentId, name: &str) -> VoidRequest {
    VoidRequest { payment_id, merchant_id: None, key: Some(key(name)), traceparent: None }
}

/// An authorized payment.
pub(crate) async fn authorized(engine: &Engine, name: &str, minor: i64) -> PaymentId {
    let answer = engine.authorize(authorize(name, minor), LONG).await.unwrap();
    assert!(answer.is_concluded(), "{answer:?}");
    answer.view.snapshot.payment_id
}

/// The answer's body, byte for byte.
pub(crate) fn body(answer: &Answer) -> String {
    serde_json::to_string(&answer.view.rendering().body()).unwrap()
}

pub(crate) fn rejection<T: std::fmt::Debug>(answer: Result<T, EngineError>) -> Rejection {
    match answer {
        Err(EngineError::Rejected { rejection, .. }) => rejection,
        other => panic!("expected a rejection, not {other:?}"),
    }
}
