//! Planted bugs: deliberate defects of which the suite must catch every one.
//!
//! Most are planted in the simulated ports, around what works; those inside the engine by its own
//! switch ([`daybook_engine::defects`]), which only builds for tests have.

mod acquirer;
mod ledger;
pub(crate) mod plant;
mod views;
mod work;

use crate::oracle::Invariant;

macro_rules! defects {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal => [$($invariant:ident),*],)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[doc = $doc])* $name,)*
        }

        impl Defect {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the command line names it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The rules that it breaks: whichever is noticed first.
            #[must_use]
            pub const fn breaks(self) -> &'static [Invariant] {
                match self {
                    $(Self::$name => &[$(Invariant::$invariant),*],)*
                }
            }
        }
    };
}

defects! {
    /// In the domain: a capture may exceed what was authorized.
    CaptureBoundDropped = "capture-bound-dropped" => [BoundsHold],
    /// In the domain: a refund may exceed what was captured.
    RefundBoundDropped = "refund-bound-dropped" => [BoundsHold],
    /// In the domain: a key is not remembered by the operation that it began.
    KeyForgotten = "key-forgotten" => [OneKeyOneOperation, RefusalsAreTrue],
    /// In the engine: a refusal rests on a cache that may be stale.
    RefusalFromCache = "refusal-from-cache" => [RefusalsAreTrue],
    /// In the engine: a replay shows the payment as it is now.
    ReplayShowsNow = "replay-shows-now" => [RepeatsAnswerTheSame],
    /// In the domain: a cancellation refunds what was captured and keeps the rest.
    CancelKeepsRest = "cancel-keeps-rest" => [CancellationsGiveAllBack],
    /// In the engine: what is only tried out is carried out.
    DryRunCarriedOut = "dry-run-carried-out" => [DryRunsLeaveNoTrace],
    /// The ledger leaves a position out.
    PositionSkipped = "position-skipped" => [LedgerOnlyGrows],
    /// An outcome is recorded twice.
    OutcomeDoubled = "outcome-doubled" => [OneOutcome],
    /// The ledger answers before it has written.
    AnswerBeforeCommit = "answer-before-commit" => [AcknowledgedIsRecorded, IntentBeforeCall],
    /// The ledger takes an event for a version that is taken, as the next one.
    ConflictForgotten = "conflict-forgotten" =>
        [LedgerOnlyGrows, OneOutcome, OneKeyOneOperation, BoundsHold, AcknowledgedIsRecorded],
    /// A ledger entry is posted with another amount than was moved.
    PostingChanged = "posting-changed" => [JournalsBalance],
    /// When the answer to an append is lost, the command is decided again blind.
    LostAnswerDecidedAgain = "lost-answer-decided-again" => [RefusalsAreTrue],
    /// An inquiry's "not found" counts at once, while the call may be on its way.
    NotFoundAtOnce = "not-found-at-once" => [LedgerAgreesWithAcquirer],
    /// A call is sent whenever it comes to it, however late.
    SentTooLate = "sent-too-late" => [NothingSentTooLate],
    /// A call without an answer counts as failed.
    TimeoutIsFailure = "timeout-is-failure" => [LedgerAgreesWithAcquirer],
    /// What the acquirer says by itself, late or to correct itself, is dropped.
    NoticeDropped = "notice-dropped" => [LedgerAgreesWithAcquirer],
    /// Every call has an id of its own at the acquirer.
    IdRenewed = "id-renewed" => [IntentBeforeCall],
    /// A claim keeps nobody from claiming.
    ClaimIgnored = "claim-ignored" => [OneCallAtATime],
    /// The fold of work rows leaves an open operation out.
    OpenForgotten = "open-forgotten" => [EverythingSettles],
    /// A view's cursor moves without the rows.
    CursorWithoutRows = "cursor-without-rows" => [ViewsAreTheFold],
    /// The relay goes on behind a record that was not written.
    RecordSkipped = "record-skipped" => [TopicInOrder],
}
