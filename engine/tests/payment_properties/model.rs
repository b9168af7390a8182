//! The payment's rules again, in plain integers and as short as can be: a second opinion.

use std::collections::BTreeMap;

use crate::scenario::{Said, Scenario, Step};

pub(crate) const EXPIRES_AFTER_MS: i64 = 1_000_000;
const LAST_MS: i64 = 253_402_300_799_999;
const MAX_OPERATIONS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Authorize,
    Capture,
    Void,
    Refund,
    Reverse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Unknown,
    Approved,
    Refused,
}

#[derive(Clone, Debug)]
struct Op {
    kind: Kind,
    asked: i64,
    is_final: bool,
    state: State,
    /// What was said after the outcome: approved or not.
    late: Option<bool>,
}

impl Op {
    fn new(kind: Kind, asked: i64, is_final: bool) -> Self {
        Self { kind, asked, is_final, state: State::Open, late: None }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Unknown)
    }
}

/// What a step must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Recorded,
    Replays(usize),
    Refused,
    Nothing,
}

/// Authorized, capturable, captured, refunded, capture pending, refund pending, voided.
pub(crate) type Sums = [i64; 7];

#[derive(Debug)]
pub(crate) struct Model {
    is_sale: bool,
    now: i64,
    expires_at: Option<i64>,
    authorized: i64,
    captured: i64,
    refunded: i64,
    is_released: bool,
    ops: Vec<Op>,
    /// By key: the operation, and the request as text.
    keys: BTreeMap<u8, (usize, String)>,
}

impl Model {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let first = Step::Authorize { amount: scenario.amount, key: scenario.key };
        Self {
            is_sale: scenario.is_sale,
            now: scenario.at.clamp(0, LAST_MS),
            expires_at: None,
            authorized: 0,
            captured: 0,
            refunded: 0,
            is_released: false,
            ops: vec![Op::new(Kind::Authorize, scenario.amount, false)],
            keys: BTreeMap::from([(scenario.key, (0, format!("{:?}", first.request())))]),
        }
    }

    pub(crate) fn operations(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn sums(&self) -> Sums {
        let is_closing = |op: &Op| {
            op.is_open() && (op.kind == Kind::Void || op.kind == Kind::Capture && op.is_final)
        };
        let is_closed = self.is_released || self.ops.iter().any(is_closing);
        let [captures, refunds] = [Kind::Capture, Kind::Refund].map(|kind| self.pending(kind));
        let capturable = self.authorized - self.captured - captures;
        [
            self.authorized,
            if is_closed { 0 } else { capturable },
            self.captured,
            self.refunded,
            captures,
            refunds,
            if self.is_released { self.authorized - self.captured } else { 0 },
        ]
    }

    pub(crate) fn take(&mut self, step: &Step, at: i64) -> Verdict {
        let now = at.clamp(0, LAST_MS).max(self.now);
        let verdict = match step {
            Step::Authorize { key, .. } => match self.known(step, Some(*key)) {
                Some(verdict) => verdict,
                None => Verdict::Refused,
            },
            Step::Capture { amount, is_final, key, is_other_merchant } => {
                self.ask(step, *key, *is_other_merchant, |model| {
                    model.capture(*amount, *is_final, key.is_some(), now)
                })
            }
            Step::Void { key, is_other_merchant } => {
                self.ask(step, *key, *is_other_merchant, Self::void)
            }
            Step::Cancel { key, is_other_merchant } => {
                self.ask(step, *key, *is_other_merchant, Self::cancel)
            }
            Step::Refund { amount, key, is_other_merchant } => {
                self.ask(step, *key, *is_other_merchant, |model| {
                    model.refund(*amount, key.is_some())
                })
            }
            Step::Conclude { operation, said } => {
                self.conclude(operation % self.ops.len(), *said, now)
            }
            Step::MarkUnknown { operation } => {
                let operation = operation % self.ops.len();
                match self.ops[operation].state {
                    State::Open => {
                        self.ops[operation].state = State::Unknown;
                        Verdict::Recorded
                    }
                    _ => Verdict::Nothing,
                }
            }
            Step::Expire => self.expire(now),
        };
        if verdict == Verdict::Recorded {
            self.now = now;
        }
        verdict
    }

    fn known(&self, step: &Step, key: Option<u8>) -> Option<Verdict> {
        let (operation, request) = self.keys.get(&key?)?;
        let is_same = *request == format!("{:?}", step.request());
        Some(if is_same { Verdict::Replays(*operation) } else { Verdict::Refused })
    }

    fn ask(
        &mut self,
        step: &Step,
        key: Option<u8>,
        is_other_merchant: bool,
        accept: impl FnOnce(&Self) -> Vec<Op>,
    ) -> Verdict {
        if is_other_merchant {
            return Verdict::Refused;
        }
        if let Some(verdict) = self.known(step, key) {
            return verdict;
        }
        let is_authorized = self.ops[0].state == State::Approved;
        let ops = accept(self);
        if ops.is_empty() || !is_authorized || self.ops.len() + ops.len() > MAX_OPERATIONS {
            return Verdict::Refused;
        }
        if let Some(key) = key {
            self.keys.insert(key, (self.ops.len(), format!("{:?}", step.request())));
        }
        self.ops.extend(ops);
        Verdict::Recorded
    }

    fn capture(&self, amount: Option<i64>, is_final: bool, has_key: bool, now: i64) -> Vec<Op> {
        let is_expired = self.expires_at.is_some_and(|expires_at| now >= expires_at);
        let left = self.sums()[1];
        let asked = amount.unwrap_or(left);
        let is_possible =
            (has_key || amount.is_none()) && !is_expired && asked >= 1 && asked <= left;
        is_possible.then(|| Op::new(Kind::Capture, asked, is_final)).into_iter().collect()
    }

    /// The refund comes first: the key is its.
    fn cancel(&self) -> Vec<Op> {
        if self.has_open(Kind::Void) || self.has_open(Kind::Capture) {
            return Vec::new();
        }
        [self.refund(None, false), self.void()].concat()
    }

    fn void(&self) -> Vec<Op> {
        let left = self.sums()[1];
        let is_possible = left >= 1 && !self.has_open(Kind::Capture);
        is_possible.then(|| Op::new(Kind::Void, left, false)).into_iter().collect()
    }

    fn refund(&self, amount: Option<i64>, has_key: bool) -> Vec<Op> {
        let left = self.captured - self.refunded - self.pending(Kind::Refund);
        let is_possible = match amount {
            Some(asked) => has_key && asked <= left,
            None => left >= 1 && !self.has_open(Kind::Capture),
        };
        is_possible
            .then(|| Op::new(Kind::Refund, amount.unwrap_or(left), false))
            .into_iter()
            .collect()
    }

    fn expire(&mut self, now: i64) -> Verdict {
        let is_due = self.expires_at.is_some_and(|expires_at| now >= expires_at);
        if !is_due || self.is_released || self.captured == self.authorized {
            Verdict::Nothing
        } else if self.has_open(Kind::Capture) || self.has_open(Kind::Void) {
            Verdict::Refused
        } else {
            self.is_released = true;
            Verdict::Recorded
        }
    }

    fn conclude(&mut self, index: usize, said: Said, now: i64) -> Verdict {
        let Op { kind, asked, state, late, .. } = self.ops[index];
        let amount = match (kind, said) {
            (_, Said::Declined | Said::Failed) => 0,
            (Kind::Void | Kind::Reverse, Said::Approved(_)) => asked,
            (_, Said::Approved(amount)) => amount.min(asked),
        };
        let is_approved = amount > 0;
        if !self.ops[index].is_open() {
            let was_approved = state == State::Approved;
            let is_nothing_said = matches!(said, Said::Approved(_)) && !is_approved;
            if is_nothing_said || was_approved == is_approved || late == Some(is_approved) {
                return Verdict::Nothing;
            }
            self.ops[index].late = Some(is_approved);
            if is_approved {
                self.approve_late(index, amount);
            }
            return Verdict::Recorded;
        }
        if kind == Kind::Reverse && !is_approved {
            return Verdict::Nothing;
        }
        self.ops[index].state = if is_approved { State::Approved } else { State::Refused };
        if is_approved && kind == Kind::Authorize {
            self.authorized = amount;
            self.expires_at = Some((now + EXPIRES_AFTER_MS).min(LAST_MS));
            if self.is_sale {
                self.ops.push(Op::new(Kind::Capture, amount, false));
            }
        } else if is_approved {
            self.settle(index, amount);
        }
        Verdict::Recorded
    }

    fn approve_late(&mut self, index: usize, amount: i64) {
        let counts = match self.ops[index].kind {
            Kind::Authorize => {
                self.ops.push(Op::new(Kind::Reverse, amount, false));
                false
            }
            Kind::Capture => {
                amount <= self.authorized - self.captured - self.pending(Kind::Capture)
            }
            Kind::Refund => amount <= self.captured - self.refunded - self.pending(Kind::Refund),
            Kind::Void => !self.is_released && !self.has_open(Kind::Capture),
            Kind::Reverse => false,
        };
        if counts {
            self.ops[index].state = State::Approved;
            self.settle(index, amount);
        }
    }

    fn settle(&mut self, index: usize, amount: i64) {
        match self.ops[index].kind {
            Kind::Capture => {
                self.captured += amount;
                self.is_released |= self.ops[index].is_final;
            }
            Kind::Refund => self.refunded += amount,
            Kind::Void => self.is_released = true,
            Kind::Authorize | Kind::Reverse => {}
        }
    }

    fn pending(&self, kind: Kind) -> i64 {
        self.ops.iter().filter(|op| op.kind == kind && op.is_open()).map(|op| op.asked).sum()
    }

    fn has_open(&self, kind: Kind) -> bool {
        self.ops.iter().any(|op| op.kind == kind && op.is_open())
    }
}
