//! What clients asked and were told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Oracle;
use super::account::Account;
use super::breach::Invariant::{
    AcknowledgedIsRecorded, AnswersAreTrue, CancellationsGiveAllBack, RefusalsAreTrue,
    RepeatsAnswerTheSame,
};
use super::operation::Operation;
use super::status::status;

/// A request, as one attempt of it reached a process.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Names the attempt: the trace context that its events carry.
    pub trace: String,
    pub payment: String,
    pub verb: &'static str,
    pub key: Option<String>,
    /// Everything else that was asked: two requests are the same where verb, key and this are.
    pub what: String,
    /// `None` for all that is left.
    pub amount: Option<i64>,
    /// Whether nothing more is to be captured behind it.
    pub is_final: bool,
    /// Whether only the answer is wanted.
    pub is_dry_run: bool,
}

/// What a client was told.
#[derive(Clone, Debug)]
pub enum Told {
    /// A success: the payment, shown as JSON.
    Payment { operation: String, body: String, is_concluded: bool, is_replay: bool },
    /// What would happen: the payment as the request would leave it.
    Tried { operation: String, body: String },
    /// The payment's state forbids it; nothing was recorded.
    Refused { code: &'static str },
    /// Nothing was recorded for another reason: try again later.
    NotNow,
    /// Try again: something may have been recorded.
    Unclear,
}

#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By trace: what was asked, and the payment's version when it came.
    asked: BTreeMap<String, (Asked, usize)>,
    /// By payment and key: the answer since the outcome, and the version that it shows.
    settled: BTreeMap<(String, String), (String, usize)>,
}

impl Answers {
    /// Whether the attempt with this trace was a dry run.
    pub(super) fn is_dry_run(&self, trace: &str) -> bool {
        self.asked.get(trace).is_some_and(|(asked, _)| asked.is_dry_run)
    }

    /// The ledger fell back: payments have these versions left.
    pub(super) fn forget_later_than(&mut self, left: &BTreeMap<String, usize>) {
        let versions = |payment: &str| left.get(payment).copied().unwrap_or(0);
        self.settled.retain(|(payment, _), (_, version)| *version <= versions(payment));
        for (asked, came_at) in self.asked.values_mut() {
            *came_at = (*came_at).min(versions(&asked.payment));
        }
    }
}

impl Oracle {
    /// A request reaches a process.
    pub fn asked(&mut self, asked: Asked) {
        let came_at = self.payments.get(&asked.payment).map_or(0, Vec::len);
        self.answers.asked.insert(asked.trace.clone(), (asked, came_at));
    }

    /// Whether the request's key has begun an operation.
    #[must_use]
    pub fn is_recorded(&self, asked: &Asked) -> bool {
        let account = self.latest(&asked.payment);
        account
            .zip(asked.key.as_deref())
            .is_some_and(|(account, key)| account.with_key(key).is_some())
    }

    /// It is answered. `now` is the time of day by the fastest clock in the world.
    pub fn told(&mut self, trace: &str, told: &Told, now: &str) {
        let Some((asked, came_at)) = self.answers.asked.get(trace).cloned() else { return };
        let name = format!(
            "{} {} of payment {} with key {:?} (trace {trace})",
            asked.verb, asked.what, asked.payment, asked.key
        );
        let broken = match told {
            Told::Payment { operation, body, is_concluded, is_replay } => {
                self.check_answer(&asked, operation, body, *is_concluded, *is_replay)
            }
            Told::Tried { operation, body } => {
                let body = serde_json::from_str(body).unwrap_or_default();
                self.check_tried(&asked, came_at, operation, &body)
            }
            Told::Refused { code } => self.check_refusal(&asked, came_at, code, now),
            Told::NotNow => self.check_nothing_recorded(&asked),
            Told::Unclear => None,
        };
        if let Some((invariant, what)) = broken {
            self.breach(invariant, format!("{name}: {what}"));
        }
    }

    fn check_answer(
        &mut self,
        asked: &Asked,
        operation: &str,
        text: &str,
        is_concluded: bool,
        is_replay: bool,
    ) -> Option<(super::Invariant, String)> {
        let unrecorded = |what: String| Some((AcknowledgedIsRecorded, what));
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let version = usize::try_from(body["version"].as_u64().unwrap_or(0)).unwrap_or(0);
        let versions = self.payments.get(&asked.payment).map_or(&[][..], Vec::as_slice);
        let Some(account) = version.checked_sub(1).and_then(|index| versions.get(index)) else {
            return unrecorded(format!(
                "told of version {version}, the ledger has {}",
                versions.len()
            ));
        };
        let Some(known) = account.operation(operation) else {
            return unrecorded(format!(
                "told of operation {operation}, which is not in the ledger"
            ));
        };
        let is_cancel = asked.verb == "cancel";
        let is_verb =
            known.verb == asked.verb || (is_cancel && matches!(known.verb, "void" | "refund"));
        let is_own = is_verb && known.key == asked.key;
        if !is_own || (!is_replay && known.trace.as_ref() != Some(&asked.trace)) {
            return unrecorded(format!("told of {known:?}, which it did not ask for"));
        }
        let beside = account.operations.iter().filter(|o| is_cancel && o.trace == known.trace);
        let is_open = known.is_open() || beside.into_iter().any(Operation::is_open);
        if let Some(what) = is_cancel.then(|| Self::kept_back(versions, known)).flatten() {
            return Some((CancellationsGiveAllBack, what));
        }
        if is_open == is_concluded {
            return Some((AnswersAreTrue, format!("concluded: {is_concluded}, of {known:?}")));
        }
        if let Some(what) = untrue(&body, account, known) {
            return Some((AnswersAreTrue, what));
        }
        let key = asked.key.clone().filter(|_| is_concluded)?;
        let settled = self.answers.settled.entry((asked.payment.clone(), key));
        let (first, _) = settled.or_insert_with(|| (text.to_owned(), version));
        (first != text)
            .then(|| (RepeatsAnswerTheSame, format!("told first\n  {first}\nand now\n  {text}")))
    }

    /// Where the cancellation that began this operation left something.
    fn kept_back(versions: &[Account], known: &Operation) -> Option<String> {
        let is_own = |operation: &&Operation| operation.trace == known.trace;
        let begun =
            versions.iter().position(|account| account.operations.iter().any(|o| is_own(&o)))?;
        let before = versions.get(begun.checked_sub(1)?)?;
        let sum = |verb: &str| -> i64 {
            let operations = versions.last().map_or(&[][..], |account| &account.operations);
            operations.iter().filter(is_own).filter(|o| o.verb == verb).map(|o| o.amount).sum()
        };
        let (gave, held) =
            ([sum("refund"), sum("void")], [before.refundable(), before.capturable()]);
        (gave != held).then(|| format!("a refund and a void of {gave:?}, and {held:?} were there"))
    }

    /// The states that the payment was in from when it was asked until now.
    pub(super) fn states(&self, asked: &Asked, came_at: usize) -> Vec<Account> {
        let versions = self.payments.get(&asked.payment).map_or(&[][..], Vec::as_slice);
        let absent = (came_at == 0).then(Account::default);
        versions.iter().skip(came_at.saturating_sub(1)).cloned().chain(absent).collect()
    }

    fn check_nothing_recorded(&self, asked: &Asked) -> Option<(super::Invariant, String)> {
        let account = self.latest(&asked.payment)?;
        let own = account.operations.iter().find(|o| o.trace.as_ref() == Some(&asked.trace))?;
        Some((RefusalsAreTrue, format!("refused, and recorded as {own:?}")))
    }

    fn check_refusal(
        &self,
        asked: &Asked,
        came_at: usize,
        code: &str,
        now: &str,
    ) -> Option<(super::Invariant, String)> {
        if let Some(broken) = self.check_nothing_recorded(asked) {
            return Some(broken);
        }
        let versions = self.payments.get(&asked.payment).map_or(&[][..], Vec::as_slice);
        let known = came_at.checked_sub(1).and_then(|index| versions.get(index));
        let repeated =
            known.zip(asked.key.as_deref()).and_then(|(account, key)| account.with_key(key));
        if repeated.is_some_and(|operation| self.is_repeat(asked, operation)) {
            return Some((
                RefusalsAreTrue,
                format!("refused with {code}, and its key began the same before"),
            ));
        }
        if self.states(asked, came_at).iter().any(|account| self.is_true(asked, code, account, now))
        {
            return None;
        }
        let latest = versions.last();
        Some((
            RefusalsAreTrue,
            format!("refused with {code}; came at version {came_at}, and now {latest:?}"),
        ))
    }

    /// Whether the operation was begun by the same request.
    fn is_repeat(&self, asked: &Asked, operation: &Operation) -> bool {
        let first = operation.trace.as_ref().and_then(|trace| self.answers.asked.get(trace));
        first.is_some_and(|(first, _)| first.verb == asked.verb && first.what == asked.what)
    }

    /// Whether a refusal's code describes this state.
    fn is_true(&self, asked: &Asked, code: &str, account: &Account, now: &str) -> bool {
        let first = account.operations.first();
        let asks_more = |left: i64| asked.amount.is_some_and(|amount| amount > left);
        match code {
            "PAYMENT_NOT_FOUND" => account.version == 0,
            "IDEMPOTENCY_KEY_REUSED" => {
                let known = asked.key.as_deref().and_then(|key| account.with_key(key));
                known.is_some_and(|operation| !self.is_repeat(asked, operation))
            }
            "AUTHORIZATION_PENDING" => first.is_some_and(Operation::is_open),
            "PAYMENT_DECLINED" => first.is_some_and(|first| !first.is_open() && first.settled == 0),
            "PAYMENT_VOIDED" => account.released == Some("voided"),
            "PAYMENT_EXPIRED" => {
                account.released == Some("expired")
                    || account.expires_at.as_deref().is_some_and(|due| due <= now)
            }
            "CAPTURE_PENDING" => account.has_open("capture"),
            "VOID_PENDING" => account.has_open("void"),
            "REFUND_PENDING" => account.has_open("refund"),
            "NOTHING_TO_CAPTURE" | "NOTHING_TO_VOID" => {
                account.version > 0 && account.capturable() == 0
            }
            "CAPTURE_EXCEEDS_AUTHORIZED" => asks_more(account.capturable()),
            "NOTHING_TO_REFUND" => {
                let may_void = asked.verb == "cancel" && account.capturable() > 0;
                account.version > 0 && account.refundable() == 0 && !may_void
            }
            "REFUND_EXCEEDS_CAPTURED" => asks_more(account.refundable()),
            _ => false,
        }
    }
}

/// Where the body shows something else than the account.
fn untrue(body: &Value, account: &Account, operation: &Operation) -> Option<String> {
    if let Some(figure) = wrong_figure(body, account) {
        return Some(figure);
    }
    let texts = [
        ("position", format!("{}:{}", account.partition, account.position)),
        ("merchantId", account.merchant.clone()),
        ("updatedAt", account.updated_at.clone()),
    ];
    for (name, expected) in texts {
        if body[name] != expected.as_str() {
            return Some(format!("{name} is {}, and by the events {expected}", body[name]));
        }
    }
    let lists = ["captures", "voids", "refunds"].map(|name| body[name].as_array());
    let mut shown = lists.into_iter().flatten().flatten().chain([&body["authorization"]]);
    let shown = shown.find(|shown| shown["operationId"] == operation.id.as_str());
    let is_same = shown.is_some_and(|shown| shown["status"] == operation.progress.as_str());
    (!is_same).then(|| format!("{operation:?} is shown as {shown:?}"))
}

/// Where its sums or its status are not the account's.
pub(super) fn wrong_figure(body: &Value, account: &Account) -> Option<String> {
    let numbers = [
        ("amount", account.amount),
        ("amountAuthorized", account.settled("authorize")),
        ("amountCapturable", account.capturable()),
        ("amountCaptured", account.settled("capture")),
        ("amountRefunded", account.settled("refund")),
        ("amountCapturePending", account.pending("capture")),
        ("amountRefundPending", account.pending("refund")),
    ];
    for (name, expected) in numbers {
        if body[name].as_i64() != Some(expected) {
            return Some(format!("{name} is {}, and by the events {expected}", body[name]));
        }
    }
    let expected = status(account);
    (body["status"] != expected)
        .then(|| format!("status is {}, and by the events {expected}", body["status"]))
}
