//! A ledger that fails when a test says so, around one that works.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use crate::event_text::EventText;
use crate::ids::{Partition, PaymentId};

/// What happens to one append, strict or tolerant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// It is written, and answers [`StoreError::AnswerLost`].
    LostAfterCommit,
    /// It is not written, and answers [`StoreError::AnswerLost`].
    LostBeforeCommit,
    /// It is not written, and answers [`StoreError::Unavailable`].
    Unavailable,
}

/// A ledger whose appends and reads a test can make fail.
pub struct FaultyLedger {
    armed: Mutex<Armed>,
    blocked: watch::Sender<Blocked>,
    batches_under_way: AtomicUsize,
    inner: Arc<dyn Ledger>,
}

#[derive(Debug, Default)]
struct Armed {
    appends: VecDeque<AppendFault>,
    failing_reads: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Blocked {
    closed: bool,
    /// Appends that wait at the closed gate.
    waiting: usize,
    /// Appends that have begun, those that wait included.
    begun: u64,
}

impl FaultyLedger {
    #[must_use]
    pub fn new(inner: Arc<dyn Ledger>) -> Arc<Self> {
        let blocked = watch::Sender::default();
        let batches_under_way = AtomicUsize::new(inner.batches_under_way());
        Arc::new(Self { armed: Mutex::default(), blocked, batches_under_way, inner })
    }

    /// Says that so many batches may be under way.
    pub fn take_batches(&self, count: usize) {
        self.batches_under_way.store(count, Ordering::SeqCst);
    }

    /// Arms a fault for the next append that has none yet; several are used up in order.
    pub fn fail_next_append(&self, fault: AppendFault) {
        self.armed().appends.push_back(fault);
    }

    /// The next `times` appends write nothing and answer [`StoreError::Unavailable`].
    pub fn fail_appends(&self, times: usize) {
        let faults = std::iter::repeat_n(AppendFault::Unavailable, times);
        self.armed().appends.extend(faults);
    }

    /// The next `times` reads of any kind answer [`StoreError::Unavailable`].
    pub fn fail_reads(&self, times: usize) {
        self.armed().failing_reads = times;
    }

    /// Appends wait, before they do anything, until [`FaultyLedger::release_appends`].
    pub fn block_appends(&self) {
        self.blocked.send_modify(|blocked| blocked.closed = true);
    }

    pub fn release_appends(&self) {
        self.blocked.send_modify(|blocked| blocked.closed = false);
    }

    /// Returns as soon as `count` appends wait.
    pub async fn appends_waiting(&self, count: usize) {
        // The sender lives in self, so the wait can't end for want of one.
        let _ = self.blocked.subscribe().wait_for(|blocked| blocked.waiting >= count).await;
    }

    /// How many appends have begun.
    #[must_use]
    pub fn appends_begun(&self) -> u64 {
        self.blocked.borrow().begun
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass_gate(&self) {
        let mut gate = self.blocked.subscribe();
        self.blocked.send_modify(|blocked| blocked.begun = blocked.begun.saturating_add(1));
        let waiting = Waiting::at(&self.blocked);
        let _ = gate.wait_for(|blocked| !blocked.closed).await;
        drop(waiting);
    }

    /// Runs the append unless a fault takes its place.
    async fn append_with<T>(
        &self,
        append: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.pass_gate().await;
        let fault = self.armed().appends.pop_front();
        match fault {
            None => append.await,
            Some(AppendFault::Unavailable) => Err(unavailable()),
            Some(AppendFault::LostBeforeCommit) => Err(lost()),
            Some(AppendFault::LostAfterCommit) => append.await.and_then(|_| Err(lost())),
        }
    }

    fn check_read(&self) -> Result<(), StoreError> {
        let mut armed = self.armed();
        let Some(left) = armed.failing_reads.checked_sub(1) else {
            return Ok(());
        };
        armed.failing_reads = left;
        Err(unavailable())
    }
}

/// Counts an append as waiting until it is dropped.
struct Waiting<'a>(&'a watch::Sender<Blocked>);

impl<'a> Waiting<'a> {
    fn at(gate: &'a watch::Sender<Blocked>) -> Self {
        gate.send_modify(|blocked| blocked.waiting = blocked.waiting.saturating_add(1));
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|blocked| blocked.waiting = blocked.waiting.saturating_sub(1));
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { store: "ledger", cause: "a test made it fail".into() }
}

fn lost() -> StoreError {
    StoreError::AnswerLost { store: "ledger", cause: "a test lost it".into() }
}

#[async_trait]
impl Ledger for FaultyLedger {
    fn identity(&self) -> LedgerIdentity {
        self.inner.identity()
    }

    fn incarnations(&self) -> &Incarnations {
        self.inner.incarnations()
    }

    fn batches_under_way(&self) -> usize {
        self.batches_under_way.load(Ordering::SeqCst)
    }

    async fn wait_for_turn(&self) {
        self.inner.wait_for_turn().await;
    }

    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        self.append_with(self.inner.append(batch)).await
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.append_with(self.inner.append_tolerant(batch)).await
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        self.check_read()?;
        self.inner.load(payment_id).await
    }

    async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
        self.check_read()?;
        self.inner.texts(payment_id).await
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        self.check_read()?;
        self.inner.read(stretches).await
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.check_read()?;
        self.inner.read_by_payment(partition, after, limit).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.check_read()?;
        self.inner.heads().await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::{EventId, LedgerId};
    use crate::ledger::NewEvent;
    use crate::ledger::memory::MemoryLedger;

    fn ledger() -> Arc<FaultyLedger> {
        let id = LedgerId::from_uuid(Uuid::nil());
        let identity = LedgerIdentity { id, incarnation: 1, partitions: 1 };
        FaultyLedger::new(Arc::new(MemoryLedger::new(identity)))
    }

    fn batch() -> [Append; 1] {
        let event_id = EventId::from_uuid(Uuid::from_u128(1));
        let data = "{}".to_owned();
        [Append {
            payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
            first_version: 1,
            events: vec![NewEvent { event_id, event_type: "payment.captured", data }],
            texts: Vec::new(),
            traceparent: None,
            recorded_at: Timestamp::from_millis(0),
        }]
    }

    async fn head(ledger: &FaultyLedger) -> u64 {
        ledger.heads().await.unwrap()[0].position
    }

    #[tokio::test]
    async fn a_lost_answer_may_or_may_not_be_written() {
        for (fault, written) in
            [(AppendFault::LostBeforeCommit, 0), (AppendFault::LostAfterCommit, 1)]
        {
            let ledger = ledger();
            ledger.fail_next_append(fault);
            let answer = ledger.append(&batch()).await;
            assert!(matches!(answer, Err(StoreError::AnswerLost { .. })), "{fault:?}: {answer:?}");
            assert_eq!(head(&ledger).await, written, "{fault:?}");
            let again = ledger.append_tolerant(&batch()).await.unwrap();
            assert_eq!(again, [Appended::At(1)], "{fault:?}");
        }
    }

    #[tokio::test]
    async fn appends_and_reads_fail_as_often_as_armed() {
        let ledger = ledger();
        ledger.fail_appends(2);
        for _ in 0..2 {
            let answer = ledger.append(&batch()).await;
            assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
        }
        assert!(ledger.append(&batch()).await.unwrap().is_some());
        ledger.fail_reads(1);
        assert!(ledger.heads().await.is_err());
        assert_eq!(head(&ledger).await, 1);
        assert_eq!(ledger.appends_begun(), 3);
    }

    #[tokio::test]
    async fn a_blocked_append_waits_for_its_release() {
        let ledger = ledger();
        ledger.block_appends();
        let appending = tokio::spawn({
            let ledger = Arc::clone(&ledger);
            async move { ledger.append(&batch()).await }
        });
        ledger.appends_waiting(1).await;
        assert_eq!(head(&ledger).await, 0);
        ledger.release_appends();
        assert!(appending.await.unwrap().unwrap().is_some());
        assert_eq!(head(&ledger).await, 1);
    }
}
