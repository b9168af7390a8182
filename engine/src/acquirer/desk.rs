//! The acquirer's side of the wire: the simulator, with a record of what it executed that outlives its
//! process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::record::{ExecutionRecord, Taken};
use super::simulator::{Behaviour, Simulator};
use super::wire::{AnswerBody, NOTICES_MAX, NoticeBody, NoticesBody, OperationBody};
use super::{Acquirer, CallAnswer, Notice};
use crate::clock::Clock;
use crate::ids::OperationId;
use crate::ledger::StoreError;

/// Notices that are kept for who has not fetched them yet.
const NOTICES_KEPT: usize = 10_000;
/// Later than every call.
const NO_HURRY: Duration = Duration::from_secs(60 * 60);

/// What an acquirer does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Answer(AnswerBody),
    /// The connection is cut without an answer.
    Cut,
    /// The id was used for another operation.
    OtherOperation,
}

/// The acquirer.
pub struct AcquirerDesk {
    simulator: Arc<Simulator<Arc<dyn Clock>>>,
    record: Arc<dyn ExecutionRecord>,
    board: Arc<Board>,
    _announcing: AbortOnDropHandle<()>,
}

/// Notices on show.
struct Board {
    clock: Arc<dyn Clock>,
    shown: Mutex<VecDeque<NoticeBody>>,
    added: Notify,
}

impl AcquirerDesk {
    #[must_use]
    pub fn open(
        simulator: Simulator<Arc<dyn Clock>>,
        record: Arc<dyn ExecutionRecord>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let simulator = Arc::new(simulator);
        let board = Arc::new(Board { clock, shown: Mutex::default(), added: Notify::new() });
        let announcing = tokio::spawn(announce(simulator.clone(), board.clone()));
        Self { simulator, record, board, _announcing: AbortOnDropHandle::new(announcing) }
    }

    /// Executes an operation, once however often it comes; it is on disk before anything is said.
    ///
    /// # Errors
    /// When the record can't be written: then nothing was executed, or a repeat finds it.
    pub async fn execute(&self, id: OperationId, body: OperationBody) -> Result<Said, StoreError> {
        let request = body.clone().request(id);
        let never_arrives = [Behaviour::CutThenNotFound, Behaviour::NeverSent];
        if never_arrives.contains(&self.simulator.behaviour(&request)) {
            return Ok(Said::Cut);
        }
        let settled = self.simulator.settled(&request);
        if self.record.take(id, &body, &settled).await? == Taken::Other {
            return Ok(Said::OtherOperation);
        }
        let answer = self.simulator.call(&request, Instant::now() + NO_HURRY).await;
        Ok(match answer {
            CallAnswer::Concluded(outcome) => Said::Answer(outcome.into()),
            CallAnswer::Unknown { .. } | CallAnswer::NotSent { .. } => Said::Cut,
        })
    }

    /// What became of an operation.
    ///
    /// # Errors
    /// When the record can't be read.
    pub async fn inquire(&self, id: OperationId) -> Result<AnswerBody, StoreError> {
        let Some(body) = self.record.find(id).await? else { return Ok(AnswerBody::NotFound) };
        Ok(match self.simulator.inquire(&body.request(id)).await {
            super::InquiryAnswer::Concluded(outcome) => outcome.into(),
            // It has it, so it is at work on it.
            _ => AnswerBody::Pending,
        })
    }

    /// Notices after the one of this number, the oldest first; waits for the first up to `wait`.
    pub async fn notices(&self, after: u64, wait: Duration) -> NoticesBody {
        let deadline = Instant::now() + wait;
        loop {
            let added = self.board.added.notified();
            let notices = self.board.after(after);
            let is_over = !notices.is_empty() || timeout_at(deadline, added).await.is_err();
            if is_over {
                return NoticesBody { notices };
            }
        }
    }
}

impl Board {
    fn shown(&self) -> MutexGuard<'_, VecDeque<NoticeBody>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after(&self, number: u64) -> Vec<NoticeBody> {
        let shown = self.shown();
        let first = shown.partition_point(|notice| notice.number <= number);
        shown.iter().skip(first).take(NOTICES_MAX).cloned().collect()
    }

    /// Numbers begin with the time, so that those of the next process are higher.
    fn add(&self, notice: Notice) {
        let Notice { payment_id, operation_id, outcome } = notice;
        let now = u64::try_from(self.clock.now().micros()).unwrap_or(0);
        let mut shown = self.shown();
        let number = shown.back().map_or(now, |last| now.max(last.number.saturating_add(1)));
        shown.push_back(NoticeBody { number, payment_id, operation_id, answer: outcome.into() });
        if shown.len() > NOTICES_KEPT {
            shown.pop_front();
        }
        drop(shown);
        self.added.notify_waiters();
    }
}

async fn announce(simulator: Arc<Simulator<Arc<dyn Clock>>>, board: Arc<Board>) {
    loop {
        board.add(simulator.notice().await);
    }
}

impl std::fmt::Debug for AcquirerDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AcquirerDesk")
    }
}
