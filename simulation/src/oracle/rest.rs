//! Rest: once nothing fails any more, nothing stays behind.

use std::collections::BTreeSet;

use super::Oracle;
use super::breach::Invariant::EverythingSettles;

/// Where a reader of the ledger has got in each partition.
#[derive(Clone, Debug)]
pub struct Reached {
    /// Who.
    pub reader: &'static str,
    pub positions: Vec<u64>,
}

impl Oracle {
    /// Operations without an outcome of which no people were told.
    #[must_use]
    pub fn unsettled(&self, flagged: &BTreeSet<String>) -> Vec<String> {
        let mut unsettled = Vec::new();
        for account in self.payments.values().filter_map(|versions| versions.last()) {
            let open = account.operations.iter().filter(|operation| operation.is_open());
            let untold = open.filter(|operation| !flagged.contains(&operation.id));
            unsettled
                .extend(untold.map(|operation| format!("{} {}", operation.verb, operation.id)));
        }
        unsettled
    }

    /// Readers that have not reached the ledger's end.
    #[must_use]
    pub fn behind(&self, readers: &[Reached]) -> Vec<String> {
        let heads = self.heads();
        let late = readers.iter().filter(|reader| reader.positions != heads);
        late.map(|r| format!("{} at {:?}, the ledger ends at {heads:?}", r.reader, r.positions))
            .collect()
    }

    /// What had stopped for good in a process, for which there never is a reason.
    pub fn halted(&mut self, halted: &[String]) {
        for what in halted {
            self.breach(EverythingSettles, what.clone());
        }
    }

    /// The state in which everything was left, after time enough.
    pub fn rest(&mut self, flagged: &BTreeSet<String>, readers: &[Reached], halted: &[String]) {
        for what in self.unsettled(flagged) {
            self.breach(EverythingSettles, format!("{what} has no outcome, and no flag"));
        }
        for what in self.behind(readers) {
            self.breach(EverythingSettles, what);
        }
        self.halted(halted);
    }
}
