//! Deliberate defects, for the proof that they would be found: the simulation's tests, and those of the
//! seals, plant one and assert that it is caught.
//!
//! Only builds with the feature `testing` can plant any. In all others [`is_planted`] is `false` at
//! compile time, and nothing of them is left.

/// A defect inside the engine; those of stores and of the acquirer are planted around their ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A capture may exceed what was authorized.
    CaptureBoundDropped,
    /// A refund may exceed what was captured.
    RefundBoundDropped,
    /// A key is not remembered by what it began.
    KeyForgotten,
    /// A refusal rests on remembered state, however old that is.
    RefusalFromCache,
    /// A replay shows the payment as it is now, not as it was at the operation's outcome.
    ReplayShowsNow,
    /// A cancellation refunds what was captured, and keeps the rest.
    CancelKeepsRest,
    /// What is only tried out is carried out.
    DryRunCarriedOut,
    /// The sealer seals on behind a position that holds no event.
    HoleSealedOver,
    /// The check of seals says nothing where a partition ends before its last seal.
    LostTailPassedOver,
    /// Behind a stretch that does not fit its seal, the check goes on from what the events make.
    NoResyncAfterBadSeal,
    /// The last position that a restore has kept counts as lost.
    VoidRuleOffByOne,
}

#[cfg(any(test, feature = "testing"))]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect in everything that runs on this thread, until another or none is planted.
#[cfg(any(test, feature = "testing"))]
pub fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

#[cfg(any(test, feature = "testing"))]
pub(crate) fn is_planted(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

#[cfg(not(any(test, feature = "testing")))]
#[inline(always)]
pub(crate) const fn is_planted(_defect: Defect) -> bool {
    false
}
