//! What was sent to the acquirer, and when.

use std::collections::BTreeMap;

use super::Oracle;
use super::breach::Invariant::{IntentBeforeCall, NothingSentTooLate, OneCallAtATime};

/// A request for an operation leaves for the acquirer.
#[derive(Clone, Debug)]
pub struct Sent {
    pub call: u64,
    pub payment: String,
    pub operation: String,
    pub verb: &'static str,
    pub amount: i64,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// The time of day by the slowest clock in the world.
    pub at_earliest: String,
    /// When the sender had to have sent it, milliseconds since the run began.
    pub send_before_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    limit_ms: u64,
    /// By payment: call, operation, when it was sent.
    under_way: BTreeMap<String, (u64, String, u64)>,
}

impl Calls {
    pub(super) fn new(limit_ms: u64) -> Self {
        Self { limit_ms, under_way: BTreeMap::new() }
    }

    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }
}

impl Oracle {
    /// A request leaves for the acquirer.
    pub fn sent(&mut self, sent: Sent) {
        let Sent { payment, operation, verb, at_ms, send_before_ms, .. } = &sent;
        let name = format!("{verb} {operation} of payment {payment}");
        let known = self.latest(payment).and_then(|account| account.operation(operation)).cloned();
        let is_asked = known.as_ref().is_some_and(|o| o.verb == *verb && o.amount == sent.amount);
        self.must(is_asked, IntentBeforeCall, || {
            format!("{name} was sent, and the ledger has {known:?}")
        });
        self.must(at_ms < send_before_ms, NothingSentTooLate, || {
            format!("{name} was sent at {at_ms} ms, and had to be before {send_before_ms} ms")
        });
        if let Some(before) = known.and_then(|operation| operation.send_before) {
            self.must(sent.at_earliest < before, NothingSentTooLate, || {
                format!("{name} was sent at {}, and had to be before {before}", sent.at_earliest)
            });
        }
        if *verb != "authorize" {
            self.one_at_a_time(&sent, &name);
        }
    }

    /// The sender has its answer, or has given up.
    pub fn answered(&mut self, call: u64) {
        self.calls.under_way.retain(|_, (under_way, ..)| *under_way != call);
    }

    fn one_at_a_time(&mut self, sent: &Sent, name: &str) {
        let now = (sent.call, sent.operation.clone(), sent.at_ms);
        let Some((_, other, since)) = self.calls.under_way.insert(sent.payment.clone(), now) else {
            return;
        };
        let is_over = sent.at_ms >= since + self.calls.limit_ms;
        // A notice may have brought the outcome meanwhile.
        let before = self.latest(&sent.payment).and_then(|account| account.operation(&other));
        let is_over = is_over || before.is_some_and(|before| !before.is_open());
        self.must(is_over, OneCallAtATime, || {
            format!(
                "{name} was sent at {} ms while {other} of {since} ms was under way",
                sent.at_ms
            )
        });
    }
}
