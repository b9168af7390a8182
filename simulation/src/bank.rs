//! The acquirer: what it makes of operations, and the book of what it executed.
//!
//! An operation's outcome follows from the seed and its id. It is executed when it arrives, once
//! however often it arrives, for as long as the acquirer remembers its id; what is told of it may
//! come late, twice, never, or wrong at first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daybook_engine::acquirer::{AcquirerRequest, InquiryAnswer, Notice};
use daybook_engine::ids::OperationId;
use daybook_engine::money::Amount;
use daybook_engine::payment::{AcquirerReference, Outcome, Verb};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::oracle::Executed;
use crate::plan::KEY_LIFETIME;

/// It remembers ids a little longer than it says, since a call may be on its way for a while.
const REMEMBERS: Duration = KEY_LIFETIME.saturating_add(Duration::from_secs(10));

/// What takes so long outlives the acquirer's memory of ids, and is flagged for people.
const SLOW_MIN: Duration = Duration::from_secs(22);

#[derive(Debug)]
pub(crate) struct Bank {
    seed: u64,
    book: Mutex<Book>,
    /// Held by everything that is on its way to the acquirer or from it.
    under_way: Arc<()>,
}

#[derive(Debug, Default)]
struct Book {
    records: BTreeMap<OperationId, Record>,
    /// Answers that came by themselves, to be told to everybody who listens.
    notices: Vec<Notice>,
    listeners: Vec<Arc<Listener>>,
}

/// A process's line for notices.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    waiting: Mutex<Vec<Notice>>,
    added: Notify,
}

#[derive(Clone, Debug)]
struct Record {
    request: AcquirerRequest,
    /// What becomes of it.
    truth: Outcome,
    settles_at: Instant,
    forgotten_at: Instant,
    times: u32,
    refusals: u32,
}

/// What a call that arrived will be told.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) at: Instant,
    /// It is not true, and the truth follows by itself.
    pub(crate) is_contradicted: bool,
}

impl Bank {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, book: Mutex::default(), under_way: Arc::default() }
    }

    /// Says that something is on its way, for as long as this is held.
    pub(crate) fn under_way(&self) -> Arc<()> {
        self.under_way.clone()
    }

    /// Whether nothing is on its way, and every notice was taken.
    pub(crate) fn is_idle(&self) -> bool {
        let book = self.book();
        let is_taken = book.listeners.iter().all(|listener| listener.waiting().is_empty());
        Arc::strong_count(&self.under_way) == 1 && is_taken
    }

    /// An operation arrives.
    pub(crate) fn receive(&self, request: &AcquirerRequest) -> Reply {
        let now = Instant::now();
        let draw = Draw::of(self.seed, request.operation_id);
        let mut book = self.book();
        let known = book.records.get(&request.operation_id).filter(|r| now < r.forgotten_at);
        let (record, is_new) = match known.cloned() {
            Some(known) => (draw.again(known), false),
            None => {
                let before = book.records.get(&request.operation_id).map_or(0, |known| known.times);
                (draw.execute(request, before, now), true)
            }
        };
        let is_contradicted =
            is_new && draw.share(3, 100) < 8 && record.settles_at < now + SLOW_MIN;
        let outcome = if is_contradicted { draw.opposite(&record) } else { record.truth.clone() };
        let at = record.settles_at;
        book.records.insert(request.operation_id, record);
        Reply { outcome, at, is_contradicted }
    }

    /// What became of an operation.
    pub(crate) fn inquire(&self, operation_id: OperationId) -> InquiryAnswer {
        match self.book().records.get(&operation_id) {
            None => InquiryAnswer::NotFound,
            Some(record) if Instant::now() < record.settles_at => InquiryAnswer::Pending,
            Some(record) => InquiryAnswer::Concluded(record.truth.clone()),
        }
    }

    /// Tells everybody the truth about an operation.
    pub(crate) fn announce(&self, operation_id: OperationId) {
        let mut book = self.book();
        let Some(record) = book.records.get(&operation_id) else { return };
        let payment_id = record.request.payment_id;
        let notice = Notice { payment_id, operation_id, outcome: record.truth.clone() };
        for listener in &book.listeners {
            listener.add(notice.clone());
        }
        book.notices.push(notice);
    }

    /// Tells everybody again all that was ever announced.
    pub(crate) fn announce_again(&self) {
        let book = self.book();
        for listener in &book.listeners {
            book.notices.iter().for_each(|notice| listener.add(notice.clone()));
        }
    }

    /// A line for a process that just started; the one it had before is gone.
    pub(crate) fn listen(&self, before: Option<&Arc<Listener>>) -> Arc<Listener> {
        let listener = Arc::new(Listener::default());
        let mut book = self.book();
        book.listeners.retain(|known| before.is_none_or(|before| !Arc::ptr_eq(known, before)));
        book.listeners.push(listener.clone());
        listener
    }

    /// All that was received.
    pub(crate) fn executed(&self) -> Vec<Executed> {
        let book = self.book();
        let executed = |record: &Record| Executed {
            payment: record.request.payment_id.to_string(),
            operation: record.request.operation_id.to_string(),
            verb: record.request.verb.as_str(),
            times: record.times,
            amount: approved(&record.truth).map_or(0, Amount::minor),
        };
        book.records.values().map(executed).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    fn add(&self, notice: Notice) {
        self.waiting().push(notice);
        self.added.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Notice>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next notice; waits for it.
    pub(crate) async fn next(&self) -> Notice {
        loop {
            let first = {
                let mut waiting = self.waiting();
                (!waiting.is_empty()).then(|| waiting.remove(0))
            };
            match first {
                Some(notice) => return notice,
                None => self.added.notified().await,
            }
        }
    }
}

const fn approved(outcome: &Outcome) -> Option<Amount> {
    match outcome {
        Outcome::Approved { amount, .. } => Some(*amount),
        Outcome::Declined { .. } | Outcome::Failed { .. } => None,
    }
}

/// Pseudo-random bytes that depend on the seed and the operation alone.
struct Draw([u8; 32]);

impl Draw {
    fn of(seed: u64, operation_id: OperationId) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_be_bytes());
        hasher.update(operation_id.uuid().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// A number below `of`, from the bytes at `place`.
    fn share(&self, place: usize, of: u64) -> u64 {
        let bytes = self.0.iter().skip(place * 4).take(4);
        bytes.fold(0, |number: u64, byte| number << 8 | u64::from(*byte)) % of
    }

    fn execute(&self, request: &AcquirerRequest, before: u32, now: Instant) -> Record {
        let share = self.share(0, 100);
        let refused = match request.verb {
            Verb::Authorize => 8,
            Verb::Void => 30,
            _ => 15,
        };
        let truth = if share < refused {
            self.refusal(request.verb)
        } else if share < refused + 8 && matches!(request.verb, Verb::Authorize | Verb::Capture) {
            self.approval(Amount::new(request.amount.minor() / 2).unwrap_or(request.amount))
        } else {
            self.approval(request.amount)
        };
        let processing = match self.share(1, 100) {
            0..78 => self.share(2, 30),
            78..97 => 200 + self.share(2, 2_500),
            _ => u64::try_from(SLOW_MIN.as_millis()).unwrap_or(0) + self.share(2, 15_000),
        };
        Record {
            request: request.clone(),
            times: before + u32::from(approved(&truth).is_some()),
            truth,
            settles_at: now + Duration::from_millis(processing),
            forgotten_at: now + REMEMBERS,
            refusals: 1,
        }
    }

    /// A hold whose release was refused is released when it is asked for again.
    fn again(&self, known: Record) -> Record {
        let is_refused = known.request.verb == Verb::Reverse && approved(&known.truth).is_none();
        if !is_refused || Instant::now() < known.settles_at {
            return known;
        }
        let truth = self.approval(known.request.amount);
        Record { truth, times: known.times + 1, refusals: known.refusals + 1, ..known }
    }

    fn opposite(&self, record: &Record) -> Outcome {
        match approved(&record.truth) {
            Some(_) => self.refusal(record.request.verb),
            None => self.approval(record.request.amount),
        }
    }

    fn approval(&self, amount: Amount) -> Outcome {
        Outcome::Approved { amount, acquirer: self.reference("00") }
    }

    fn refusal(&self, verb: Verb) -> Outcome {
        let acquirer = self.reference("05");
        if verb == Verb::Authorize {
            Outcome::Declined { code: "DO_NOT_HONOR".into(), acquirer }
        } else {
            Outcome::Failed { code: "SYSTEM_ERROR".into(), acquirer }
        }
    }

    fn reference(&self, code: &str) -> AcquirerReference {
        AcquirerReference {
            transaction_id: Some(format!("txn-{}", self.share(4, 1_000_000)).into()),
            response_code: Some(code.into()),
            ..AcquirerReference::default()
        }
    }
}
