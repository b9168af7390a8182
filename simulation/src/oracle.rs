//! The oracle: it judges a run by what was seen from outside, and knows no line of the engine.
//!
//! It reads the ledger as the JSON that it is, hears what clients asked and were told, keeps the
//! acquirer's book of what was sent and executed, and looks into views and topic at the end. It
//! imports nothing but the standard library and a JSON parser (a test sees to that): whatever the
//! engine believes of itself, the same must follow from these.
//!
//! Some rules are checked as things happen ([`Oracle::committed`], [`Oracle::sent`],
//! [`Oracle::told`]), the others once nothing fails any more ([`Oracle::book`],
//! [`Oracle::views`], [`Oracle::topic`], [`Oracle::rest`]).

mod account;
mod answers;
mod book;
mod breach;
mod calls;
mod entry;
mod operation;
mod rest;
mod status;
mod topic;
mod tried;
mod views;

pub use answers::{Asked, Told};
pub use book::Executed;
pub use breach::{Breach, Invariant};
pub use calls::Sent;
pub use entry::Entry;
pub use rest::Reached;
pub use topic::Published;
pub use views::ViewRow;

use std::collections::{BTreeMap, BTreeSet};

use self::account::Account;
use self::answers::Answers;
use self::calls::Calls;

/// Everything that was seen so far.
#[derive(Debug, Default)]
pub struct Oracle {
    partitions: u16,
    incarnation: u32,
    /// The ledger, by partition; position n is at n - 1.
    ledger: Vec<Vec<Entry>>,
    /// What the ledger held in earlier incarnations, before it fell back.
    fallen: BTreeMap<u32, Vec<Vec<Entry>>>,
    /// Where the copy ended that an incarnation began with, by partition.
    starts: BTreeMap<u32, Vec<u64>>,
    ids: BTreeSet<String>,
    /// Every payment at each of its versions.
    payments: BTreeMap<String, Vec<Account>>,
    /// Operations whose requests were lost when the ledger fell back.
    lost: BTreeSet<String>,
    answers: Answers,
    calls: Calls,
    breaches: Vec<Breach>,
}

impl Oracle {
    /// Of an empty ledger. `call_limit_ms` is how long a call may be with the acquirer.
    #[must_use]
    pub fn new(partitions: u16, call_limit_ms: u64) -> Self {
        Self {
            partitions,
            incarnation: 1,
            ledger: vec![Vec::new(); usize::from(partitions)],
            calls: Calls::new(call_limit_ms),
            ..Self::default()
        }
    }

    /// What is wrong, in the order in which it was found.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Where each partition of the ledger ends, as far as it was shown.
    #[must_use]
    pub fn heads(&self) -> Vec<u64> {
        self.ledger.iter().map(|events| events.len() as u64).collect()
    }

    /// How often each kind of event stands in the ledger, and stood there before it fell back.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<String, u64> {
        let mut kinds = BTreeMap::new();
        let now = self.ledger.iter().flatten();
        for entry in now.chain(self.fallen.values().flatten().flatten()) {
            *kinds.entry(entry.kind.clone()).or_default() += 1;
        }
        kinds
    }

    /// An event that the ledger holds now, shown in the order of positions.
    pub fn committed(&mut self, entry: Entry) {
        let events = &mut self.ledger[usize::from(entry.partition)];
        let next = events.len() as u64 + 1;
        let is_next = entry.position == next;
        events.push(entry.clone());
        let place = entry.place();
        self.must(is_next, Invariant::LedgerOnlyGrows, || {
            format!("{place}: position {next} was to follow")
        });
        let home = home(&entry.payment, self.partitions);
        self.must(home == Some(entry.partition), Invariant::LedgerOnlyGrows, || {
            format!("{place}: its partition is {home:?}")
        });
        let is_new = self.ids.insert(entry.id.clone());
        self.must(is_new, Invariant::LedgerOnlyGrows, || {
            format!("{place}: its id {} stands there before", entry.id)
        });
        let is_tried = entry.trace.as_deref().is_some_and(|trace| self.answers.is_dry_run(trace));
        self.must(!is_tried, Invariant::DryRunsLeaveNoTrace, || {
            format!("{place}: recorded by a dry run")
        });
        let versions = self.payments.entry(entry.payment.clone()).or_default();
        let mut account = versions.last().cloned().unwrap_or_default();
        let broken = account.apply(&entry);
        versions.push(account);
        for (invariant, what) in broken {
            self.breach(invariant, what);
        }
    }

    /// What the ledger held must be what it holds: all of it is shown again.
    pub fn still_there(&mut self, entries: &[Entry]) {
        let mut found = vec![Vec::new(); usize::from(self.partitions)];
        for entry in entries {
            found[usize::from(entry.partition)].push(entry);
        }
        for (partition, found) in found.into_iter().enumerate() {
            let known = &self.ledger[partition];
            let changed = known.iter().zip(&found).find(|(known, found)| *known != **found);
            let what = match changed {
                Some((known, found)) => Some(format!("{} became {}", known.place(), found.place())),
                None if known.len() != found.len() => Some(format!(
                    "partition {partition} had {} events and has {}",
                    known.len(),
                    found.len()
                )),
                None => None,
            };
            if let Some(what) = what {
                self.breach(Invariant::LedgerOnlyGrows, what);
            }
        }
    }

    /// The ledger fell back to an earlier copy that ends at `heads`, and was adopted under the next
    /// incarnation. What came later is lost, and nothing that rested on it is held against anybody.
    pub fn fell_back(&mut self, heads: &[u64]) {
        self.fallen.insert(self.incarnation, self.ledger.clone());
        self.incarnation += 1;
        self.starts.insert(self.incarnation, heads.to_vec());
        for (events, head) in self.ledger.iter_mut().zip(heads) {
            events.truncate(usize::try_from(*head).unwrap_or(usize::MAX));
        }
        self.ids = self.ledger.iter().flatten().map(|entry| entry.id.clone()).collect();
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.ledger.iter().flatten() {
            *left.entry(entry.payment.clone()).or_default() += 1;
        }
        for (payment, versions) in &mut self.payments {
            let before: BTreeSet<String> = ids(versions.last());
            versions.truncate(left.get(payment).copied().unwrap_or(0));
            self.lost.extend(before.difference(&ids(versions.last())).cloned());
        }
        self.payments.retain(|_, versions| !versions.is_empty());
        self.answers.forget_later_than(&left);
        self.calls.forget();
    }

    /// Claims were lost with the work rows: calls under way say nothing about later ones.
    pub fn claims_lost(&mut self) {
        self.calls.forget();
    }

    fn latest(&self, payment: &str) -> Option<&Account> {
        self.payments.get(payment).and_then(|versions| versions.last())
    }

    fn breach(&mut self, invariant: Invariant, what: String) {
        self.breaches.push(Breach { invariant, what });
    }

    fn must(&mut self, holds: bool, invariant: Invariant, what: impl FnOnce() -> String) {
        if !holds {
            self.breach(invariant, what());
        }
    }
}

fn ids(account: Option<&Account>) -> BTreeSet<String> {
    account.into_iter().flat_map(|account| &account.operations).map(|o| o.id.clone()).collect()
}

/// The partition of a payment: the first eight bytes of its id, modulo their number.
fn home(payment: &str, partitions: u16) -> Option<u16> {
    let digits: String = payment.chars().filter(|digit| *digit != '-').take(16).collect();
    let first = u64::from_str_radix(&digits, 16).ok()?;
    u16::try_from(first % u64::from(partitions)).ok()
}
