//! The simulated acquirer: every outcome is a pure function of (seed, operation id, verb, amount,
//! token), so every process and every restart gives the same answer to a call and to an inquiry.

mod behaviour;

pub use behaviour::{Behaviour, MAGIC, MagicAmount, Rates, magic_tokens};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer, Notice};
use crate::clock::Clock;
use crate::money::Amount;
use crate::payment::{AcquirerReference, Outcome};

/// How the simulator is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatorSettings {
    pub seed: u64,
    /// Every call and inquiry takes this long, evenly spread.
    pub latency_ms: (u64, u64),
    pub rates: Rates,
    /// How long a silent call is waited for before it counts as unanswered.
    pub call_limit: Duration,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            latency_ms: (0, 0),
            rates: Rates::default(),
            call_limit: Duration::from_secs(5),
        }
    }
}

/// How long after its call a notice comes.
const NOTICE_DELAY: Duration = Duration::from_secs(1);
/// How long a slow operation is pending at the acquirer, from the making of its id.
const PENDING_MS: i64 = 5_000;
/// Notices that may wait to be fetched; the senders of more wait.
const NOTICES_MAX: usize = 1_024;

/// The simulated acquirer.
#[derive(Debug)]
pub struct Simulator<C> {
    settings: SimulatorSettings,
    clock: C,
    notices: mpsc::Sender<Notice>,
    fetched: Mutex<mpsc::Receiver<Notice>>,
}

impl<C: Clock> Simulator<C> {
    #[must_use]
    pub fn new(settings: SimulatorSettings, clock: C) -> Self {
        let (notices, fetched) = mpsc::channel(NOTICES_MAX);
        Self { settings, clock, notices, fetched: Mutex::new(fetched) }
    }

    fn draw(&self, request: &AcquirerRequest) -> Draw {
        Draw::of(self.settings.seed, request)
    }

    /// How it treats an operation.
    #[must_use]
    pub fn behaviour(&self, request: &AcquirerRequest) -> Behaviour {
        Behaviour::of(request, &self.settings.rates, self.draw(request).number(0))
    }

    /// What becomes of an operation in the end, if it arrives.
    #[must_use]
    pub fn settled(&self, request: &AcquirerRequest) -> Outcome {
        let draw = self.draw(request);
        match self.behaviour(request) {
            Behaviour::ApproveHalf => draw.approved(half(request.amount)),
            Behaviour::Decline(code) => draw.declined(code),
            Behaviour::Fail | Behaviour::CutThenFailed => draw.failed(),
            Behaviour::Approve
            | Behaviour::CutThenApproved
            | Behaviour::CutThenNotFound
            | Behaviour::CutThenPending
            | Behaviour::NeverSent
            | Behaviour::SilentThenApproved
            | Behaviour::LateAnswer
            | Behaviour::Duplicate
            | Behaviour::Contradict => draw.approved(request.amount),
        }
    }

    async fn take_time(&self, draw: &Draw) {
        let (min, max) = self.settings.latency_ms;
        let spread = max.saturating_sub(min).saturating_add(1);
        let millis = min.saturating_add(draw.number(8).checked_rem(spread).unwrap_or(0));
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }

    fn announce(&self, request: &AcquirerRequest, outcome: Outcome, times: usize) {
        let notice =
            Notice { payment_id: request.payment_id, operation_id: request.operation_id, outcome };
        let notices = self.notices.clone();
        tokio::spawn(async move {
            tokio::time::sleep(NOTICE_DELAY).await;
            for _ in 0..times {
                // Nobody listens any more only when the simulator is gone.
                let _ = notices.send(notice.clone()).await;
            }
        });
    }

    fn is_still_pending(&self, request: &AcquirerRequest) -> bool {
        let made_at = request.operation_id.uuid().get_timestamp().map_or(0, |made| {
            let (seconds, nanos) = made.to_unix();
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000)
                .saturating_add(i64::from(nanos / 1_000_000))
        });
        self.clock.now().millis() < made_at.saturating_add(PENDING_MS)
    }
}

#[async_trait]
impl<C: Clock> Acquirer for Simulator<C> {
    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let draw = self.draw(request);
        let behaviour = Behaviour::of(request, &self.settings.rates, draw.number(0));
        if Instant::now() >= send_before || behaviour == Behaviour::NeverSent {
            return CallAnswer::NotSent { cause: "NOT_CONNECTED".into() };
        }
        self.take_time(&draw).await;
        let approved = || draw.approved(request.amount);
        let cut = || CallAnswer::Unknown { cause: "CONNECTION_CUT".into() };
        match behaviour {
            Behaviour::Approve => CallAnswer::Concluded(approved()),
            Behaviour::ApproveHalf => CallAnswer::Concluded(draw.approved(half(request.amount))),
            Behaviour::Decline(code) => CallAnswer::Concluded(draw.declined(code)),
            Behaviour::Fail => CallAnswer::Concluded(draw.failed()),
            Behaviour::CutThenApproved
            | Behaviour::CutThenFailed
            | Behaviour::CutThenNotFound
            | Behaviour::CutThenPending => cut(),
            Behaviour::SilentThenApproved => {
                tokio::time::sleep(self.settings.call_limit).await;
                CallAnswer::Unknown { cause: "TIMEOUT".into() }
            }
            Behaviour::LateAnswer => {
                self.announce(request, approved(), 1);
                cut()
            }
            Behaviour::Duplicate => {
                self.announce(request, approved(), 2);
                CallAnswer::Concluded(approved())
            }
            Behaviour::Contradict => {
                self.announce(request, approved(), 1);
                CallAnswer::Concluded(draw.failed())
            }
            Behaviour::NeverSent => CallAnswer::NotSent { cause: "NOT_CONNECTED".into() },
        }
    }

    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer {
        let draw = self.draw(request);
        self.take_time(&draw).await;
        match Behaviour::of(request, &self.settings.rates, draw.number(0)) {
            Behaviour::Approve
            | Behaviour::CutThenApproved
            | Behaviour::SilentThenApproved
            | Behaviour::Duplicate => InquiryAnswer::Concluded(draw.approved(request.amount)),
            Behaviour::ApproveHalf => InquiryAnswer::Concluded(draw.approved(half(request.amount))),
            Behaviour::Decline(code) => InquiryAnswer::Concluded(draw.declined(code)),
            Behaviour::Fail | Behaviour::CutThenFailed | Behaviour::Contradict => {
                InquiryAnswer::Concluded(draw.failed())
            }
            Behaviour::CutThenNotFound | Behaviour::NeverSent => InquiryAnswer::NotFound,
            Behaviour::CutThenPending | Behaviour::LateAnswer if self.is_still_pending(request) => {
                InquiryAnswer::Pending
            }
            Behaviour::CutThenPending | Behaviour::LateAnswer => {
                InquiryAnswer::Concluded(draw.approved(request.amount))
            }
        }
    }

    async fn notice(&self) -> Notice {
        let next = self.fetched.lock().await.recv().await;
        match next {
            Some(notice) => notice,
            // The sender lives as long as the simulator, so the queue never ends.
            None => std::future::pending().await,
        }
    }
}

fn half(amount: Amount) -> Amount {
    Amount::new(amount.minor() / 2).unwrap_or(amount)
}

/// 32 pseudo-random bytes that depend on the operation and the seed alone.
struct Draw([u8; 32]);

impl Draw {
    fn of(seed: u64, request: &AcquirerRequest) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_be_bytes());
        hasher.update(request.operation_id.uuid().as_bytes());
        hasher.update(request.verb.as_str().as_bytes());
        hasher.update(&request.amount.minor().to_be_bytes());
        hasher.update(request.payment_method_token.as_deref().unwrap_or_default().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The eight bytes at `at`, as a number.
    fn number(&self, at: usize) -> u64 {
        let bytes = self.0.iter().skip(at).take(8);
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn reference(&self, code: &str, message: &str) -> AcquirerReference {
        AcquirerReference {
            transaction_id: Some(format!("sim-{:016x}", self.number(16)).into()),
            approval_code: None,
            response_code: Some(code.into()),
            response_message: Some(message.into()),
        }
    }

    fn approved(&self, amount: Amount) -> Outcome {
        let code = self.number(24).checked_rem(1_000_000).unwrap_or(0);
        let acquirer = AcquirerReference {
            approval_code: Some(format!("{code:06}").into()),
            ..self.reference("00", "approved")
        };
        Outcome::Approved { amount, acquirer }
    }

    fn declined(&self, code: &'static str) -> Outcome {
        let message = behaviour::decline_message(code);
        Outcome::Declined { code: code.into(), acquirer: self.reference(code, message) }
    }

    fn failed(&self) -> Outcome {
        let code: Arc<str> = "SYSTEM_ERROR".into();
        let acquirer = self.reference(&code, "the acquirer could not process the operation");
        Outcome::Failed { code, acquirer }
    }
}
