//! Group commit: one task takes whatever is queued and appends it as one transaction.
//!
//! While one batch commits, the next gathers, so batches grow by themselves under load and a lone command
//! waits for nobody; only where far more is under way than has come does a batch wait for it. A store may
//! have the next batch made up and sent while one commits; batches under way never hold the same payment,
//! whose next event waits for the last.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::admission::{Admission, Room};
use super::metrics::EngineMetrics;
use super::settings::EngineSettings;
use crate::ledger::{Append, Appended, Ledger, StoreError};
use crate::wake::Wake;

const BATCH_COMMANDS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// A batch of fewer commands than one for so many rooms taken waits for more: a quarter of the requests where
/// all of them authorize.
const ROOMS_FOR_ONE: usize = 6;
const GATHER_STEP: Duration = Duration::from_millis(1);
const GATHER_MAX: Duration = Duration::from_millis(3);
/// How long a batch whose answer was lost is looked for before its commands are told so.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
const RECOVERY_PAUSE: Duration = Duration::from_millis(50);

type Reply = oneshot::Sender<Result<Appended, StoreError>>;

/// An append waiting for its batch.
struct Queued {
    append: Append,
    reply: Reply,
}

/// The way to the writer task.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
}

impl Writer {
    /// Starts it; it ends when every [`Writer`] is gone and the queue is empty.
    pub(super) fn start(
        ledger: Arc<dyn Ledger>,
        settings: &EngineSettings,
        wake: Wake,
        metrics: Arc<EngineMetrics>,
        admission: Admission,
    ) -> Self {
        let (queue, receiver) = mpsc::channel(settings.queue_max.max(1));
        let answering = settings.has_writer_thread.then(|| Handle::try_current().ok()).flatten();
        let looked_for = watch::Sender::new(0);
        let committing = Committing { ledger, wake, metrics, looked_for, answering };
        let task = WriterTask {
            receiver,
            committing,
            under_way: JoinSet::new(),
            admission,
            last_commit: Duration::ZERO,
        };
        match settings.has_writer_thread {
            true => run_on_own_thread(task),
            false => drop(tokio::spawn(task.run())),
        }
        Self { queue }
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

/// A task that shares its threads with hundreds of requests stands in line behind them each time it is
/// woken, and the ledger stands still meanwhile; a thread of its own is run at once.
fn run_on_own_thread(task: WriterTask) {
    let run =
        |task: WriterTask| match tokio::runtime::Builder::new_current_thread().enable_all().build()
        {
            Ok(runtime) => runtime.block_on(task.run()),
            Err(error) => tracing::error!(%error, "the writer can't run: nothing can be appended"),
        };
    let spawned = std::thread::Builder::new().name("writer".to_owned()).spawn(move || run(task));
    if let Err(error) = spawned {
        tracing::error!(%error, "the writer has no thread: nothing can be appended");
    }
}

/// Takes commands from the queue and makes up batches; each is committed in a task of its own.
struct WriterTask {
    receiver: mpsc::Receiver<Queued>,
    committing: Committing,
    /// How long each takes.
    under_way: JoinSet<Duration>,
    admission: Admission,
    last_commit: Duration,
}

/// What committing a batch needs.
#[derive(Clone)]
struct Committing {
    ledger: Arc<dyn Ledger>,
    wake: Wake,
    metrics: Arc<EngineMetrics>,
    /// The batches whose answers were lost and are looked for.
    looked_for: watch::Sender<usize>,
    /// Where the requesters run, if the writer has a thread of its own: waking hundreds of them from
    /// another thread takes longer than making up the next batch.
    answering: Option<Handle>,
}

impl WriterTask {
    async fn run(mut self) {
        while let Some(first) = self.next_command().await {
            self.gather().await;
            self.committing.ledger.wait_for_turn().await;
            let batch = self.fill(first);
            self.under_way.spawn(self.committing.clone().run(batch));
        }
        while self.under_way.join_next().await.is_some() {}
    }

    /// The first command of the next batch, as soon as that batch may be under way. What comes while
    /// a lost answer is looked for is refused at once: nothing of it was sent, and the server may take
    /// long to be back.
    async fn next_command(&mut self) -> Option<Queued> {
        let under_way_max = self.committing.ledger.batches_under_way();
        let mut looked_for = self.committing.looked_for.subscribe();
        loop {
            let is_looking = *looked_for.borrow_and_update() > 0;
            let has_room = self.under_way.len() < under_way_max;
            tokio::select! {
                biased;
                Some(took) = self.under_way.join_next() => {
                    self.last_commit = took.unwrap_or_default();
                }
                _ = looked_for.changed() => {}
                queued = self.receiver.recv(), if is_looking || has_room => match queued? {
                    queued if is_looking => {
                        // As in `Committing::run`.
                        let _ = queued.reply.send(Err(being_looked_for()));
                    }
                    queued => return Some(queued),
                },
            }
        }
    }

    /// Lets a batch grow that would be far smaller than what is under way, since it would cost the ledger nearly
    /// as much as a large one: at most as long as the last commit took, and never where little is going on.
    async fn gather(&self) {
        let enough = self.admission.taken() / ROOMS_FOR_ONE;
        let steps = self.last_commit.min(GATHER_MAX).as_millis();
        for _ in 0..steps {
            if self.receiver.len() + 1 >= enough {
                return;
            }
            tokio::time::sleep(GATHER_STEP).await;
        }
    }

    fn fill(&mut self, first: Queued) -> Vec<Queued> {
        let mut bytes = first.append.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH_COMMANDS_MAX && bytes < BATCH_BYTES_MAX {
            let Ok(next) = self.receiver.try_recv() else { break };
            bytes = bytes.saturating_add(next.append.bytes());
            batch.push(next);
        }
        batch
    }
}

impl Committing {
    async fn run(self, batch: Vec<Queued>) -> Duration {
        let started = Instant::now();
        let (appends, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|queued| (queued.append, queued.reply)).unzip();
        let answers = self.commit(&appends).await;
        let took = started.elapsed();
        let answering = answer(replies, answers);
        match &self.answering {
            Some(runtime) => drop(runtime.spawn(answering)),
            None => answering.await,
        }
        took
    }

    async fn commit(&self, batch: &[Append]) -> Vec<Result<Appended, StoreError>> {
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

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        match self.ledger.append_tolerant(batch).await {
            Err(StoreError::AnswerLost { .. }) => self.recover(batch).await,
            answer => answer,
        }
    }

    /// Looks for a batch whose answer was lost, while new commands are refused.
    async fn recover(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.looked_for.send_modify(|count| *count = count.saturating_add(1));
        let found = look_for(&*self.ledger, &self.metrics, batch).await;
        self.looked_for.send_modify(|count| *count = count.saturating_sub(1));
        tracing::warn!(is_found = found.is_ok(), "looked for a lost commit");
        found
    }
}

async fn answer(replies: Vec<Reply>, answers: Vec<Result<Appended, StoreError>>) {
    for (reply, answer) in replies.into_iter().zip(answers) {
        // A requester that has gone away finds its event in the ledger later.
        let _ = reply.send(answer);
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
