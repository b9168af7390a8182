//! What goes wrong in a run, and how often it did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// One kind of thing that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[doc = $doc])* $name,)*
        }

        impl Fault {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    /// A process dies before a call of a store, the broker or the acquirer.
    CrashBefore = "crash before a step",
    /// It dies when the call was made, and before it has its answer.
    CrashAfter = "crash after a step",
    /// It is killed from outside, whatever it does.
    Killed = "process killed",
    /// It stands still for seconds, beyond `sendBefore`, claims and leases, and wakes up.
    Stalled = "process stalled, then awake",
    /// One call takes a tenth of a second and more, so that others overtake it.
    Delayed = "step delayed and overtaken",
    /// Its clock jumps, forwards or back.
    ClockStepped = "clock stepped",
    LostAfterCommit = "append committed, answer lost",
    LostBeforeCommit = "append not committed, answer lost",
    /// The commit goes on without its connection, and comes when its process has died or asks again.
    CommittedLate = "append committed late, answer lost",
    AppendFailed = "append refused by the store",
    ReadFailed = "read failed",
    WriteFailed = "write of work, views, leases or cursors failed",
    /// It decided on a state that another process had changed: the ledger refused the version.
    StaleDecision = "decision on a stale state",
    KeyRepeated = "request repeated elsewhere",
    KeyAtOnce = "request sent twice at once",
    ClientGone = "client gone before the answer",
    LeasesLost = "leases lost",
    WorkLost = "work rows and claims lost",
    ViewsLost = "views lost, rebuilt from nothing",
    CursorsLost = "relay's cursors lost",
    LedgerFellBack = "ledger restored from an older copy",
    CallNotSent = "acquirer out of reach",
    CallLost = "call lost on the way",
    CallLate = "call arrived late",
    CallTwice = "call arrived twice",
    AnswerCut = "call executed, answer lost",
    AnswerSlow = "acquirer slow beyond the limit",
    Contradiction = "acquirer contradicted itself",
    InquiryFailed = "inquiry unanswered",
    NoticeTwice = "late answer told again",
    RecordFailed = "record not written",
    RecordLost = "record written, answer lost",
    RecordTwice = "record delivered twice",
    BrokerDown = "broker away",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    counts: Mutex<BTreeMap<Fault, u64>>,
    are_over: AtomicBool,
}

impl Faults {
    pub(crate) fn count(&self, fault: Fault) {
        *self.lock().entry(fault).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        self.lock().clone()
    }

    /// From now on nothing fails.
    pub(crate) fn end(&self) {
        self.are_over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn are_over(&self) -> bool {
        self.are_over.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Fault, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
