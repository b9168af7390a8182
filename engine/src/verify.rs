//! Checking the ledger: everything it says of itself must hold, partition by partition, in
//! memory that does not grow with the ledger.
//!
//! One walk, payment by payment: ids, versions, bytes, rules, bounds, journals, texts. It hands each
//! payment on, so that views are checked against the same walk, and leaves a hash of each event at its
//! position, so that positions and seals are.

mod cursors;
mod exported;
mod history;
mod incarnations;
mod positions;
mod seals;

pub use cursors::Reader;
pub use exported::{ExportedSeals, UnusableSeals};
pub use history::check_event;
use history::check_step;
pub use incarnations::check_incarnations;
pub use positions::{LINKS_MAX, Positions};
pub use seals::{SealCheck, stored_seals};

use std::collections::{HashMap, VecDeque};
use std::fmt;

use crate::clock::Timestamp;
use crate::event_text::{EventText, hash_text};
use crate::ids::{Partition, PaymentId};
use crate::ledger::{Head, Ledger, LedgerIdentity, Recorded, StoreError};
use crate::payment::{Event, EventBody, Payment, is_canonical};

/// Something that must not be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub partition: Partition,
    pub position: Option<u64>,
    pub payment_id: Option<PaymentId>,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}", self.partition)?;
        if let Some(position) = self.position {
            write!(f, " position {position}")?;
        }
        if let Some(payment_id) = self.payment_id {
            write!(f, " payment {payment_id}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Findings kept; more are only counted.
pub const FINDINGS_MAX: usize = 100;

/// Findings so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    kept: Vec<Finding>,
    count: u64,
}

impl Findings {
    pub fn add(&mut self, finding: Finding) {
        self.count = self.count.saturating_add(1);
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(finding);
        }
    }

    #[must_use]
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// A payment's events in version order, as far as they can be read, and what they fold to.
#[derive(Debug)]
pub struct History {
    pub payment_id: PaymentId,
    pub events: Vec<(Recorded, Event)>,
    /// Its texts, where an event has any.
    pub texts: Vec<EventText>,
    /// `None` where an event can't be read, or the first does not create a payment.
    pub payment: Option<Payment>,
}

/// Rows read at a time.
const PAGE: u32 = 4_096;

/// A walk over a partition, payment by payment, as far as the head.
pub struct PaymentWalk<'a> {
    ledger: &'a dyn Ledger,
    head: Head,
    after: Option<(PaymentId, u32)>,
    /// Of the payment that the next page may go on with.
    rows: Vec<Recorded>,
    /// Checked and not yet handed on.
    histories: VecDeque<History>,
    is_read: bool,
    /// The last position that stands beyond the head, as it was read before.
    beyond: u64,
    positions: Positions,
}

impl<'a> PaymentWalk<'a> {
    #[must_use]
    pub fn new(ledger: &'a dyn Ledger, head: Head) -> Self {
        let positions = Positions::new(head, LINKS_MAX);
        let (rows, histories) = (Vec::new(), VecDeque::new());
        Self { ledger, head, after: None, rows, histories, is_read: false, beyond: 0, positions }
    }

    /// Names an event that stands beyond the head, as it is by now: every commit moves both.
    pub fn check_beyond(&self, now: Head, findings: &mut Findings) {
        if self.beyond > now.position {
            findings.add(Finding {
                partition: now.partition,
                position: Some(self.beyond),
                payment_id: None,
                what: format!("an event stands beyond the head, which is {}", now.position),
            });
        }
    }

    /// What it has seen by position, at its end.
    #[must_use]
    pub fn into_positions(self) -> Positions {
        self.positions
    }

    /// The next payment, checked; `None` at the end.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn next(&mut self, findings: &mut Findings) -> Result<Option<History>, StoreError> {
        while self.histories.is_empty() && !self.is_read {
            self.read_on(findings).await?;
        }
        Ok(self.histories.pop_front())
    }

    async fn read_on(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        let partition = self.head.partition;
        let page = match self.ledger.read_by_payment(partition, self.after, PAGE).await {
            Err(StoreError::Damaged { cause, .. }) => {
                let from = self.after.map_or_else(
                    || "none of its events".to_owned(),
                    |(payment_id, _)| format!("no event after those of payment {payment_id}"),
                );
                let what = format!("{from} can be read, nor is checked: {cause}");
                findings.add(Finding { partition, position: None, payment_id: None, what });
                Vec::new()
            }
            page => page?,
        };
        self.is_read = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        self.after = page.last().map(|last| (last.payment_id, last.version));
        let (head, identity) = (self.head.position, self.ledger.identity());
        for recorded in page {
            if recorded.position > head {
                self.beyond = self.beyond.max(recorded.position);
                continue;
            }
            self.positions.see(&recorded, identity.partitions, findings);
            if self.rows.first().is_some_and(|first| first.payment_id != recorded.payment_id) {
                self.histories.extend(check_payment(&identity, &mut self.rows, findings));
            }
            self.rows.push(recorded);
        }
        if self.is_read {
            self.histories.extend(check_payment(&identity, &mut self.rows, findings));
        }
        self.read_texts(findings).await
    }

    /// Those of the page, in one read.
    async fn read_texts(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        let has_texts = |history: &&History| {
            history.events.iter().any(|(_, event)| !event.text_hashes().is_empty())
        };
        let wanted: Vec<_> =
            self.histories.iter().filter(has_texts).map(|history| history.payment_id).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let read = match self.ledger.texts_of(&wanted).await {
            Err(StoreError::Damaged { .. }) => self.texts_one_by_one(&wanted, findings).await?,
            read => read?,
        };
        let mut texts: HashMap<PaymentId, Vec<EventText>> = HashMap::new();
        for (payment_id, text) in read {
            texts.entry(payment_id).or_default().push(text);
        }
        for history in &mut self.histories {
            history.texts = texts.remove(&history.payment_id).unwrap_or_default();
            check_texts(self.head.partition, history, findings);
        }
        Ok(())
    }

    /// Where one payment has some that can't be read: all others', and which it is.
    async fn texts_one_by_one(
        &self,
        wanted: &[PaymentId],
        findings: &mut Findings,
    ) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
        let (partition, mut all) = (self.head.partition, Vec::new());
        for payment_id in wanted.iter().copied() {
            match self.ledger.texts(payment_id).await {
                Err(StoreError::Damaged { cause, .. }) => findings.add(Finding {
                    partition,
                    position: None,
                    payment_id: Some(payment_id),
                    what: format!("its texts can't be read: {cause}"),
                }),
                own => all.extend(own?.into_iter().map(|text| (payment_id, text))),
            }
        }
        Ok(all)
    }
}

/// Takes the rows of one payment; `None` where there are none.
fn check_payment(
    identity: &LedgerIdentity,
    rows: &mut Vec<Recorded>,
    findings: &mut Findings,
) -> Option<History> {
    let payment_id = rows.first()?.payment_id;
    let (events, payment) = check_events(identity, std::mem::take(rows), findings);
    Some(History { payment_id, events, texts: Vec::new(), payment })
}

fn check_events(
    identity: &LedgerIdentity,
    recorded: Vec<Recorded>,
    findings: &mut Findings,
) -> (Vec<(Recorded, Event)>, Option<Payment>) {
    let (mut events, mut payment) = (Vec::with_capacity(recorded.len()), None::<Payment>);
    let mut last_position = 0;
    for (record, version) in recorded.into_iter().zip(1_u32..) {
        let mut add = |what: String| {
            findings.add(Finding {
                partition: record.partition,
                position: Some(record.position),
                payment_id: Some(record.payment_id),
                what,
            });
        };
        if record.version != version {
            add(format!("version {} stands where {version} is due", record.version));
            return (events, None);
        }
        if record.position <= last_position {
            add(format!("version {version} stands before the version it follows"));
        }
        last_position = record.position;
        if record.recorded_at >= Timestamp::LAST {
            add("it was recorded at no time that a clock shows".to_owned());
        }
        let event = match record.decode() {
            Ok(event) => event,
            Err(error) => {
                add(error.to_string());
                return (events, None);
            }
        };
        if !is_canonical(&event, &record.data) {
            add("the data is not spelled as the engine spells it".to_owned());
        }
        check_id(identity, &record, &event, &mut add);
        let after = match &payment {
            Some(payment) => Some(payment.clone().evolve(&event)),
            None => Payment::begin_with(&event),
        };
        for what in check_step(payment.as_ref(), &event, after.as_ref()) {
            add(what);
        }
        payment = after;
        events.push((record, event));
        if payment.is_none() {
            return (events, None);
        }
    }
    (events, payment)
}

fn check_id(
    identity: &LedgerIdentity,
    record: &Recorded,
    event: &Event,
    add: &mut impl FnMut(String),
) {
    let EventBody::AuthorizationRequested(first) = &event.body else { return };
    let Some(key) = &first.request.key else {
        return add("the payment was created without a key".to_owned());
    };
    let derived = PaymentId::derive(identity.id, &event.header.merchant_id, key);
    if derived != record.payment_id {
        add(format!("merchant and key make payment {derived}"));
    }
}

/// Every hash in an event must have its text beside the ledger: that text, or an erased one.
fn check_texts(partition: Partition, history: &History, findings: &mut Findings) {
    let History { payment_id, events, texts, .. } = history;
    for (recorded, event) in events {
        for (name, hash) in event.text_hashes() {
            let is_its = |text: &&EventText| text.version == recorded.version && text.name == name;
            let what = match texts.iter().find(is_its) {
                None => "is missing",
                Some(EventText { salt: Some(salt), text: Some(text), .. })
                    if hash_text(salt, text) != hash =>
                {
                    "is not the text that its event was made with"
                }
                Some(_) => continue,
            };
            findings.add(Finding {
                partition,
                position: Some(recorded.position),
                payment_id: Some(*payment_id),
                what: format!("the {} of version {} {what}", name.as_str(), recorded.version),
            });
        }
    }
}
