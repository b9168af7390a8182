//! Defects of the ledger, and of what is done with its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::event_text::EventText;
use daybook_engine::ids::{EventId, Partition, PaymentId};
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::ledger::{
    Append, Appended, Head, Incarnations, Ledger, LedgerIdentity, Recorded, StoreError, Stretch,
};
use uuid::Uuid;

use super::Defect;
use crate::ports::LedgerPort;

/// A ledger over another, `$of`: what `$own` doesn't say is handed on, reads only where it says so.
macro_rules! ledger_over {
    ($name:ident($of:tt) with reads { $($own:tt)* }) => {
        ledger_over!($name($of) {
            $($own)*

            async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
                self.$of.load(payment_id).await
            }

            async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
                self.$of.read(stretches).await
            }

            async fn read_by_payment(
                &self,
                partition: Partition,
                after: Option<(PaymentId, u32)>,
                limit: u32,
            ) -> Result<Vec<Recorded>, StoreError> {
                self.$of.read_by_payment(partition, after, limit).await
            }

            async fn heads(&self) -> Result<Vec<Head>, StoreError> {
                self.$of.heads().await
            }
        });
    };
    ($name:ident($of:tt) { $($own:tt)* }) => {
        #[async_trait]
        impl Ledger for $name {
            $($own)*

            fn identity(&self) -> LedgerIdentity {
                self.$of.identity()
            }

            fn incarnations(&self) -> &Incarnations {
                self.$of.incarnations()
            }

            fn batches_under_way(&self) -> usize {
                self.$of.batches_under_way()
            }

            async fn texts(&self, payment_id: PaymentId) -> Result<Vec<EventText>, StoreError> {
                self.$of.texts(payment_id).await
            }
        }
    };
}

/// Writes something else than it was given, or later, or in spite of a conflict.
pub(super) struct DefectiveLedger {
    defect: Defect,
    ledger: Arc<MemoryLedger>,
    count: AtomicU64,
}

impl DefectiveLedger {
    pub(super) fn new(defect: Defect, ledger: Arc<MemoryLedger>) -> Self {
        Self { defect, ledger, count: AtomicU64::new(0) }
    }

    /// Every `nth` time.
    fn is_time(&self, nth: u64) -> bool {
        self.count.fetch_add(1, Ordering::SeqCst) % nth == nth - 1
    }

    /// Every third outcome once more, as an event of its own.
    async fn double_outcomes(&self, batch: &[Append]) {
        for append in batch {
            let is_outcome =
                |kind: &str| kind == "payment.captured" || kind == "payment.authorized";
            let Some(event) = append.events.iter().find(|event| is_outcome(event.event_type))
            else {
                continue;
            };
            if self.is_time(3) {
                let mut again = append.clone();
                again.events = vec![event.clone()];
                again.texts.clear();
                again.events[0].event_id =
                    EventId::from_uuid(Uuid::from_u128(event.event_id.uuid().as_u128() ^ 1));
                again.first_version += u32::try_from(append.events.len()).unwrap_or(0);
                let _ = self.ledger.append(&[again]).await;
            }
        }
    }

    /// The answer to an append that is written a moment later.
    async fn answer_first(&self, batch: &[Append]) -> Option<Vec<Appended>> {
        let [append] = batch else { return None };
        if !self.is_time(4) {
            return None;
        }
        let partition = append.payment_id.partition(self.ledger.identity().partitions);
        let heads = self.ledger.heads().await.ok()?;
        let head = heads.get(partition.index())?.position;
        let (ledger, batch) = (self.ledger.clone(), batch.to_vec());
        let count = batch[0].events.len() as u64;
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let _ = ledger.append(&batch).await;
        });
        Some(vec![Appended::At(head + count)])
    }

    /// The batch as the next versions of its payments, whatever stands there.
    async fn force(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        let mut answers = Vec::new();
        for append in batch {
            let mut append = append.clone();
            let known = self.ledger.load(append.payment_id).await?;
            append.first_version = u32::try_from(known.len()).unwrap_or(u32::MAX) + 1;
            answers.extend(self.ledger.append(&[append]).await?.into_iter().flatten());
        }
        Ok(Some(answers))
    }
}

/// A thousandfold debit.
fn change_posting(batch: &[Append]) -> Vec<Append> {
    const DEBIT: &str = "\"side\":\"debit\",\"amount\":";
    let mut batch = batch.to_vec();
    for event in batch.iter_mut().flat_map(|append| &mut append.events) {
        event.data = event.data.replace(DEBIT, &format!("{DEBIT}1"));
    }
    batch
}

ledger_over!(DefectiveLedger(ledger) with reads {
    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        match self.defect {
            Defect::PostingChanged => self.ledger.append(&change_posting(batch)).await,
            Defect::AnswerBeforeCommit => match self.answer_first(batch).await {
                Some(answer) => Ok(Some(answer)),
                None => self.ledger.append(batch).await,
            },
            Defect::ConflictForgotten => match self.ledger.append(batch).await? {
                Some(answers) => Ok(Some(answers)),
                None => self.force(batch).await,
            },
            _ => {
                let answer = self.ledger.append(batch).await?;
                if answer.is_some() {
                    self.double_outcomes(batch).await;
                }
                Ok(answer)
            }
        }
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        self.ledger.append_tolerant(batch).await
    }
});

/// Has no position 4.
pub(super) struct SkippingLedger(pub(super) Arc<MemoryLedger>);

const SKIPPED: u64 = 4;

const fn shown(position: u64) -> u64 {
    if position < SKIPPED { position } else { position + 1 }
}

fn shown_all(mut recorded: Vec<Recorded>) -> Vec<Recorded> {
    recorded.iter_mut().for_each(|event| event.position = shown(event.position));
    recorded
}

fn shown_answer(answer: Appended) -> Appended {
    match answer {
        Appended::At(position) => Appended::At(shown(position)),
        Appended::Conflict => Appended::Conflict,
    }
}

ledger_over!(SkippingLedger(0) {
    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        let answers = self.0.append(batch).await?;
        Ok(answers.map(|answers| answers.into_iter().map(shown_answer).collect()))
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let answers = self.0.append_tolerant(batch).await?;
        Ok(answers.into_iter().map(shown_answer).collect())
    }

    async fn load(&self, payment_id: PaymentId) -> Result<Vec<Recorded>, StoreError> {
        Ok(shown_all(self.0.load(payment_id).await?))
    }

    async fn read(&self, stretches: &[Stretch]) -> Result<Vec<Recorded>, StoreError> {
        let kept = |stretch: &Stretch| {
            let from = if stretch.from > SKIPPED { stretch.from - 1 } else { stretch.from };
            Stretch { from, ..*stretch }
        };
        Ok(shown_all(self.0.read(&stretches.iter().map(kept).collect::<Vec<_>>()).await?))
    }

    async fn read_by_payment(
        &self,
        partition: Partition,
        after: Option<(PaymentId, u32)>,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        Ok(shown_all(self.0.read_by_payment(partition, after, limit).await?))
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let head = |head: Head| Head { position: shown(head.position), ..head };
        Ok(self.0.heads().await?.into_iter().map(head).collect())
    }
});

/// A process that takes a lost answer for a conflict, and does not know its own events again.
pub(super) struct BlindLedger(pub(super) LedgerPort);

ledger_over!(BlindLedger(0) with reads {
    async fn append(&self, batch: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        match self.0.append(batch).await {
            Err(StoreError::AnswerLost { .. }) => Ok(None),
            answer => answer,
        }
    }

    async fn append_tolerant(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let mut answers = Vec::new();
        for append in batch {
            let known = self.0.load(append.payment_id).await?;
            let is_own = |event: &Recorded| event.event_id == append.events[0].event_id;
            let answer = if known.iter().any(is_own) {
                Appended::Conflict
            } else {
                let answer = self.0.append_tolerant(std::slice::from_ref(append)).await?;
                answer.first().copied().unwrap_or(Appended::Conflict)
            };
            answers.push(answer);
        }
        Ok(answers)
    }
});
