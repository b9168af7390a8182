//! What must hold, and where it did not.

use std::fmt;

/// The rules that a run is held to, after DESIGN section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// An answer that acknowledges an operation: its events stand in the ledger.
    AcknowledgedIsRecorded,
    /// captured + pending ≤ authorized, refunded + pending ≤ captured, at every version.
    BoundsHold,
    /// Every journal entry balances, and is of the amount that was moved.
    JournalsBalance,
    /// Positions 1, 2, 3… in commit order, versions 1, 2, 3…, and nothing recorded is ever changed.
    LedgerOnlyGrows,
    /// An operation is requested once, and has one outcome; only a contradiction may follow.
    OneOutcome,
    /// A key begins one operation of its payment.
    OneKeyOneOperation,
    /// An operation stands in the ledger before the acquirer is called for it.
    IntentBeforeCall,
    /// Nothing is sent to the acquirer at or after `sendBefore`.
    NothingSentTooLate,
    /// Captures, voids and refunds of one payment are with the acquirer one at a time, each until it has
    /// an outcome.
    OneCallAtATime,
    /// No operation is executed twice at the acquirer.
    ExecutedOnce,
    /// What the ledger says of an operation in the end is what the acquirer made of it.
    LedgerAgreesWithAcquirer,
    /// From an operation's outcome on, every repeat of its request gets the same answer.
    RepeatsAnswerTheSame,
    /// An answer shows the payment as the events up to its version make it.
    AnswersAreTrue,
    /// A refusal is true of a state that the payment was in while the request waited, and records
    /// nothing.
    RefusalsAreTrue,
    /// A cancellation begins a refund of all that could be refunded, and a void of all that could be captured.
    CancellationsGiveAllBack,
    /// A dry run records nothing, and shows the payment as the request would leave it.
    DryRunsLeaveNoTrace,
    /// A view's rows are the fold of the ledger up to its cursor.
    ViewsAreTheFold,
    /// First occurrences in the topic are positions 1, 2, 3…, each the ledger's own event.
    TopicInOrder,
    /// Once nothing fails any more, every open operation gets an outcome or is flagged, and topic and
    /// views reach the ledger's end.
    EverythingSettles,
}

/// One rule broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub invariant: Invariant,
    /// What was found, and what should have been.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}
