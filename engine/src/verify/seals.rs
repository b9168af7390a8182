//! Seals against the events that they were made of.
//!
//! Where a seal does not fit, the next one tells which of the two was changed: the events behind it were
//! hashed on from what the seal says, so either that or what the events really make fits the next.

use std::collections::VecDeque;

use super::{Finding, Findings};
use crate::defects::{Defect, is_planted};
use crate::ids::LedgerId;
use crate::ledger::{Head, StoreError};
use crate::seal::{Chain, ChainLink, Seal, SealHash, SealStore};

/// Stored seals read at a time.
const PAGE: u32 = 4_096;

/// One partition's seals, to be compared with its events in the order of their positions.
#[derive(Debug)]
pub struct SealCheck {
    /// What findings call them: `seal`, or `exported seal`.
    name: &'static str,
    head: Head,
    seals: VecDeque<Seal>,
    chain: Chain,
    /// The last position that a seal has confirmed.
    confirmed: u64,
    doubt: Option<Doubt>,
    /// Seals that fit.
    fitting: u64,
}

/// A seal that does not fit its events.
#[derive(Debug)]
struct Doubt {
    seal: Seal,
    /// The first event that no seal before it covers.
    from: u64,
    /// What the events make.
    found: SealHash,
    /// What follows, if the seal is right.
    trusting: Chain,
}

impl SealCheck {
    /// `seals` are one partition's, in order of number.
    #[must_use]
    pub fn new(
        name: &'static str,
        ledger: LedgerId,
        head: Head,
        seals: impl IntoIterator<Item = Seal>,
    ) -> Self {
        Self {
            name,
            head,
            seals: seals.into_iter().collect(),
            chain: Chain::begin(ledger, head.partition),
            confirmed: 0,
            doubt: None,
            fitting: 0,
        }
    }

    /// Seals that fit so far.
    #[must_use]
    pub const fn fitting(&self) -> u64 {
        self.fitting
    }

    /// Takes the next event in.
    pub fn add(&mut self, position: u64, link: &ChainLink, findings: &mut Findings) {
        self.compare_before(position, findings);
        self.chain.add_link(position, link);
        if let Some(doubt) = &mut self.doubt {
            doubt.trusting.add_link(position, link);
        }
        self.compare_before(position.saturating_add(1), findings);
    }

    /// After the last event.
    pub fn finish(&mut self, findings: &mut Findings) {
        self.compare_before(self.head.position.saturating_add(1), findings);
        if let Some(doubt) = self.doubt.take() {
            let what = format!("or {} {} itself, were changed", self.name, doubt.seal.number);
            self.tell_events(&doubt, &what, findings);
        }
        let beyond = self.seals.iter().max_by_key(|seal| seal.position).copied();
        if let Some(last) = beyond.filter(|_| !is_planted(Defect::LostTailPassedOver)) {
            let (end, name) = (self.head.position, self.name);
            let what = format!(
                "the tail is missing: the partition ends at {end}, and {name} {} covers it up to {}",
                last.number, last.position
            );
            self.tell(end.saturating_add(1), what, findings);
        }
        self.seals.clear();
    }

    fn compare_before(&mut self, position: u64, findings: &mut Findings) {
        while let Some(seal) = self.seals.pop_front_if(|seal| seal.position < position) {
            self.compare(seal, findings);
        }
    }

    fn compare(&mut self, seal: Seal, findings: &mut Findings) {
        let found = self.chain.hash();
        let mut from = self.confirmed.saturating_add(1);
        match self.doubt.take() {
            None if found == seal.hash => return self.confirm(&seal),
            None => {}
            Some(doubt) if found == seal.hash => {
                self.tell_seal(&doubt, findings);
                return self.confirm(&seal);
            }
            Some(doubt) => {
                let is_right = doubt.trusting.hash() == seal.hash;
                let what = match is_right {
                    true => format!(
                        "are not those that {} {} was made of",
                        self.name, doubt.seal.number
                    ),
                    false => format!("or {} {} itself, were changed", self.name, doubt.seal.number),
                };
                self.tell_events(&doubt, &what, findings);
                self.confirmed = doubt.seal.position;
                if !is_planted(Defect::NoResyncAfterBadSeal) {
                    self.chain = doubt.trusting;
                }
                if is_right {
                    return self.confirm(&seal);
                }
                from = self.confirmed.saturating_add(1);
            }
        }
        let (found, trusting) = (self.chain.hash(), Chain::from_seal(&seal));
        self.doubt = Some(Doubt { seal, from, found, trusting });
    }

    fn confirm(&mut self, seal: &Seal) {
        self.confirmed = seal.position;
        self.fitting = self.fitting.saturating_add(1);
    }

    fn tell_events(&self, doubt: &Doubt, what: &str, findings: &mut Findings) {
        let Doubt { seal, from, found, .. } = doubt;
        let (to, says) = (seal.position, seal.hash);
        let comma = if what.starts_with("or ") { "," } else { "" };
        self.tell(
            *from,
            format!(
                "the events of positions {from} to {to}{comma} {what}: it says {says}, and they make \
                 {found}"
            ),
            findings,
        );
    }

    fn tell_seal(&self, doubt: &Doubt, findings: &mut Findings) {
        let Doubt { seal, found, .. } = doubt;
        let (name, number, says) = (self.name, seal.number, seal.hash);
        let what = format!(
            "{name} {number} is not the one that was made here: it says {says}, and the events make \
             {found}"
        );
        self.tell(seal.position, what, findings);
    }

    fn tell(&self, position: u64, what: String, findings: &mut Findings) {
        let (partition, position) = (self.head.partition, Some(position));
        findings.add(Finding { partition, position, payment_id: None, what });
    }
}

/// A partition's stored seals up to the number of `last`, which was read before the head: in order, and
/// told where one is missing, or is of an incarnation that can't be: `incarnation` is the ledger's.
///
/// # Errors
/// When the store can't be read.
pub async fn stored_seals(
    store: &dyn SealStore,
    last: Option<Seal>,
    incarnation: u32,
    findings: &mut Findings,
) -> Result<Vec<Seal>, StoreError> {
    let Some(last) = last else { return Ok(Vec::new()) };
    let mut seals: Vec<Seal> = Vec::new();
    loop {
        let after = seals.last().map_or(0, |seal| seal.number);
        let page = store.seals(last.partition, after, PAGE).await?;
        let is_over = page.len() < PAGE as usize;
        for seal in page.into_iter().take_while(|seal| seal.number <= last.number) {
            tell_gap(seals.last(), &seal, incarnation, findings);
            seals.push(seal);
        }
        if is_over || seals.last().is_some_and(|seal| seal.number >= last.number) {
            return Ok(seals);
        }
    }
}

fn tell_gap(before: Option<&Seal>, seal: &Seal, incarnation: u32, findings: &mut Findings) {
    let due = before.map_or(0, |seal| seal.number).saturating_add(1);
    let mut add = |what: String| {
        let (partition, position) = (seal.partition, Some(seal.position));
        findings.add(Finding { partition, position, payment_id: None, what });
    };
    let number = seal.number;
    if number != due {
        let until = number.saturating_sub(1);
        add(format!("seals {due} to {until} are missing: seal {number} follows"));
    }
    if before.is_some_and(|before| before.position >= seal.position) {
        add(format!("seal {number} covers no event that the one before does not"));
    }
    let possible = before.map_or(1, |before| before.incarnation)..=incarnation;
    if !possible.contains(&seal.incarnation) {
        let (from, to) = possible.into_inner();
        add(format!("seal {number} is of incarnation {}, not of {from} to {to}", seal.incarnation));
    }
}
