//! Group commit: one task takes whatever is queued and appends it as one transaction.
//!
//! No timer: while one batch commits, the next gathers, so batches grow by themselves under load
//! and a lone command waits for nobody.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::admission::Room;
use super::metrics::EngineMetrics;
use crate::ledger::{Append, Appended, Ledger, StoreError};
use crate::wake::Wake;

const BATCH_COMMANDS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long a batch whose answer was lost is looked for before its commands are told so.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
const RECOVERY_PAUSE: Duration = Duration::from_millis(50);

/// An append waiting for its batch.
struct Queued {
    append: Append,
    reply: oneshot::Sender<Result<Appended, StoreError>>,
}

/// The way to the writer task.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
}

impl Writer {
    /// Starts the task; it ends when every [`Writer`] is gone and the queue is empty.
    pub(super) fn start(
        ledger: Arc<dyn Ledger>,
        capacity: usize,
        wake: Wake,
        metrics: Arc<EngineMetrics>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(capacity.max(1));
        let task = WriterTask { ledger, receiver, wake, metrics };
        (Self { queue }, tokio::spawn(task.run()))
    }

    /// Appends; the answer comes when it is on disk. The caller keeps its room until then, so the
    /// queue never holds more than there are rooms.
    pub(super) async fn append(
        &self,
        append: Append,
        _room: &Room,
    ) -> Result<Appended, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queued = Queued { append, reply };
        let gone = || StoreError::Unavailable {
            store: "ledger",
            cause: "the writer has stopped".to_owned(),
        };
        self.queue.send(queued).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

struct WriterTask {
    ledger: Arc<dyn Ledger>,
    receiver: mpsc::Receiver<Queued>,
    wake: Wake,
    metrics: Arc<EngineMetrics>,
}

impl WriterTask {
    async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            let (appends, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|queued| (queued.append, queued.reply)).unzip();
            let answers = self.commit(&appends).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A requester that has gone away finds its event in the ledger later.
                let _ = reply.send(answer);
            }
        }
    }

    async fn next_batch(&mut self) -> Option<Vec<Queued>> {
        let first = self.receiver.recv().await?;
        let mut bytes = first.append.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH_COMMANDS_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(next) = self.receiver.try_recv() else { break };
            bytes = bytes.saturating_add(next.append.bytes());
            batch.push(next);
        }
        Some(batch)
    }

    async fn commit(&mut self, batch: &[Append]) -> Vec<Result<Appended, StoreError>> {
        let started = Instant::now();
        let answer = match self.ledger.append(batch).await {
            Ok(Some(appended)) => Ok(appended),
            Ok(None) => {
                self.metrics.conflicting_batches.inc();
                self.append_tolerant(batch).await
            }
            Err(StoreError::AnswerLost { .. }) => self.recover(batch).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(appended) => {
                self.metrics.committed(batch, &appended, started.elapsed());
                self.wake.signal();
                appended.into_iter().map(Ok).collect()
            }
            Err(error) => {
                tracing::error!(%error, commands = batch.len(), "a batch was not committed");
                self.metrics.failed_batches.inc();
                batch.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    async fn append_tolerant(&mut self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        match self.ledger.append_tolerant(batch).await {
            Err(StoreError::AnswerLost { .. }) => self.recover(batch).await,
            answer => answer,
        }
    }

    /// Looks for a batch whose answer was lost. What queues up behind it meanwhile is refused at
    /// once: nothing of it was sent, and the server may take long to be back.
    async fn recover(&mut self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let mut looking = pin!(look_for(&*self.ledger, &self.metrics, batch));
        let mut refused = 0_u64;
        let found = loop {
            tokio::select! {
                biased;
                found = &mut looking => break found,
                Some(queued) = self.receiver.recv() => {
                    refused = refused.saturating_add(1);
                    // As in `run`.
                    let _ = queued.reply.send(Err(being_looked_for()));
                }
            }
        };
        tracing::warn!(refused, is_found = found.is_ok(), "looked for a lost commit");
        found
    }
}

fn being_looked_for() -> StoreError {
    StoreError::Unavailable {
        store: "ledger",
        cause: "the answer to an earlier commit was lost and is being looked for".to_owned(),
    }
}

/// Sends the batch again under the same event ids, until the ledger says definitely what became of
/// it: what stands there already counts as written.
async fn look_for(
    ledger: &dyn Ledger,
    metrics: &EngineMetrics,
    batch: &[Append],
) -> Result<Vec<Appended>, StoreError> {
    let give_up_at = Instant::now() + RECOVERY_LIMIT;
    loop {
        metrics.lost_answers.inc();
        match ledger.append_tolerant(batch).await {
            Ok(appended) => return Ok(appended),
            Err(error) if Instant::now() >= give_up_at => {
                return Err(StoreError::AnswerLost { store: "ledger", cause: error.to_string() });
            }
            Err(error) => tracing::debug!(%error, "still looking for a lost commit"),
        }
        tokio::time::sleep(RECOVERY_PAUSE).await;
    }
}
