//! What the simulator does with an operation: by magic amount, by magic token, or by rate.

use crate::acquirer::AcquirerRequest;
use crate::payment::Verb;

/// One way an acquirer may behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Approve,
    /// Approves half of the amount.
    ApproveHalf,
    Decline(&'static str),
    /// A definite error: nothing was done, and it will not be.
    Fail,
    /// Can't be connected to at all.
    NeverSent,
    /// The connection is cut after the request was taken; the operation was executed.
    CutThenApproved,
    /// As before, but the operation failed.
    CutThenFailed,
    /// The connection is cut, and the request never arrived.
    CutThenNotFound,
    /// The connection is cut, and the operation is pending for five seconds.
    CutThenPending,
    /// No answer within the call limit; the operation was executed.
    SilentThenApproved,
    /// The connection is cut, and the answer comes by itself a second later.
    LateAnswer,
    /// Answers, and says the same twice more a second later.
    Duplicate,
    /// Answers with a definite error, and a second later says that it was approved.
    Contradict,
}

/// A magic amount, its name in a magic token, and what it brings about.
pub type MagicAmount = (i64, &'static str, Behaviour);

/// The magic amounts, all within 999,000,001 to 999,000,099, and the names of the magic tokens:
/// `tok_NAME` acts on every operation of the payment, `tok_VERB_NAME` on that verb alone.
pub const MAGIC: &[MagicAmount] = &[
    (999_000_001, "insufficient_funds", Behaviour::Decline("INSUFFICIENT_FUNDS")),
    (999_000_002, "do_not_honor", Behaviour::Decline("DO_NOT_HONOR")),
    (999_000_003, "expired_card", Behaviour::Decline("EXPIRED_CARD")),
    (999_000_004, "approved_half", Behaviour::ApproveHalf),
    (999_000_010, "failed", Behaviour::Fail),
    (999_000_011, "not_sent", Behaviour::NeverSent),
    (999_000_020, "cut_then_approved", Behaviour::CutThenApproved),
    (999_000_021, "cut_then_failed", Behaviour::CutThenFailed),
    (999_000_022, "cut_then_not_found", Behaviour::CutThenNotFound),
    (999_000_023, "cut_then_pending", Behaviour::CutThenPending),
    (999_000_024, "timeout_then_approved", Behaviour::SilentThenApproved),
    (999_000_030, "late_answer", Behaviour::LateAnswer),
    (999_000_031, "duplicate_answer", Behaviour::Duplicate),
    (999_000_032, "contradicting_answer", Behaviour::Contradict),
];

/// How often an operation without magic meets a fault, in basis points; zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub decline: u16,
    pub error: u16,
    pub unknown: u16,
    pub late: u16,
    pub duplicate: u16,
}

impl Behaviour {
    /// The behaviour towards an operation; `drawn` decides between the rates.
    #[must_use]
    pub fn of(request: &AcquirerRequest, rates: &Rates, drawn: u64) -> Self {
        by_amount(request)
            .or_else(|| by_token(request))
            .unwrap_or_else(|| Self::by_rate(rates, drawn.checked_rem(10_000).unwrap_or(0)))
    }

    fn by_rate(rates: &Rates, drawn: u64) -> Self {
        let mut below = 0_u64;
        for (rate, behaviour) in [
            (rates.decline, Self::Decline("DO_NOT_HONOR")),
            (rates.error, Self::Fail),
            (rates.unknown, Self::CutThenApproved),
            (rates.late, Self::LateAnswer),
            (rates.duplicate, Self::Duplicate),
        ] {
            below = below.saturating_add(u64::from(rate));
            if drawn < below {
                return behaviour;
            }
        }
        Self::Approve
    }
}

fn by_amount(request: &AcquirerRequest) -> Option<Behaviour> {
    let magic = MAGIC.iter().find(|(amount, ..)| *amount == request.amount.minor());
    magic.map(|(.., behaviour)| *behaviour)
}

fn by_token(request: &AcquirerRequest) -> Option<Behaviour> {
    let named = request.payment_method_token.as_deref()?.strip_prefix("tok_")?;
    let for_verb = named.strip_prefix(request.verb.as_str()).and_then(|n| n.strip_prefix('_'));
    let name = for_verb.unwrap_or(named);
    MAGIC.iter().find(|(_, known, _)| *known == name).map(|(.., behaviour)| *behaviour)
}

/// Every magic token there is.
pub fn magic_tokens() -> impl Iterator<Item = String> {
    MAGIC.iter().flat_map(|(_, name, _)| {
        let by_verb = Verb::ALL.iter().map(move |verb| format!("tok_{}_{name}", verb.as_str()));
        std::iter::once(format!("tok_{name}")).chain(by_verb)
    })
}

/// What an acquirer says with a decline code.
pub(super) fn decline_message(code: &str) -> &'static str {
    match code {
        "INSUFFICIENT_FUNDS" => "insufficient funds",
        "EXPIRED_CARD" => "the card has expired",
        _ => "the issuer declined without a reason",
    }
}
