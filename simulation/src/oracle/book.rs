//! The ledger against the acquirer's book, once both have come to rest.

use std::collections::BTreeMap;

use super::Oracle;
use super::breach::Invariant::{ExecutedOnce, LedgerAgreesWithAcquirer};

/// What the acquirer made of an operation that it received.
#[derive(Clone, Debug)]
pub struct Executed {
    pub payment: String,
    pub operation: String,
    pub verb: &'static str,
    /// How often money was moved, or a hold placed or released.
    pub times: u32,
    /// The amount each time; 0 where it was refused.
    pub amount: i64,
}

impl Oracle {
    /// Every operation of the acquirer's book.
    pub fn book(&mut self, book: &[Executed]) {
        for executed in book {
            self.check_executed(executed);
        }
        let book: BTreeMap<&str, &Executed> =
            book.iter().map(|executed| (executed.operation.as_str(), executed)).collect();
        let mut invented = Vec::new();
        for (payment, account) in self.payments.iter().filter_map(|(p, v)| Some((p, v.last()?))) {
            for operation in &account.operations {
                let is_success =
                    !operation.words.is_empty() && operation.words.iter().all(|word| word.0);
                let is_executed = book.get(operation.id.as_str()).is_some_and(|e| e.times > 0);
                if is_success && !is_executed {
                    let (verb, id) = (operation.verb, &operation.id);
                    invented.push(format!(
                        "{verb} {id} of payment {payment} succeeded by the ledger alone"
                    ));
                }
            }
        }
        for what in invented {
            self.breach(LedgerAgreesWithAcquirer, what);
        }
    }

    fn check_executed(&mut self, executed: &Executed) {
        let Executed { payment, operation, verb, times, amount } = executed;
        let name = format!("{verb} {operation} of payment {payment}");
        self.must(*times <= 1, ExecutedOnce, || format!("{name} was executed {times} times"));
        if self.lost.contains(operation) {
            return;
        }
        let known = self.latest(payment).and_then(|account| account.operation(operation)).cloned();
        let Some(known) = known else {
            self.breach(ExecutedOnce, format!("{name}: no such operation is in the ledger"));
            return;
        };
        // An open one is judged by whether it is flagged.
        if known.is_open() {
            return;
        }
        // Of a contradiction both sides stand there, and people decide.
        let is_told = |word: &(bool, i64)| match *times {
            0 => !word.0,
            _ => *word == (true, *amount),
        };
        self.must(known.words.iter().any(is_told), LedgerAgreesWithAcquirer, || {
            format!("{name}: executed {times} times with {amount}, and the ledger has {known:?}")
        });
    }
}
