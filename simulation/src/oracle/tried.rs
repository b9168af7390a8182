//! What a dry run is told: the payment as the request would leave it.

use serde_json::Value;

use super::Oracle;
use super::account::Account;
use super::answers::{Asked, wrong_figure};
use super::breach::Invariant::{self, DryRunsLeaveNoTrace};
use super::operation::Operation;

impl Oracle {
    /// Whether the answer is true of a state that the payment was in while it was asked.
    pub(super) fn check_tried(
        &self,
        asked: &Asked,
        came_at: usize,
        operation: &str,
        body: &Value,
    ) -> Option<(Invariant, String)> {
        let broken = |what: String| Some((DryRunsLeaveNoTrace, what));
        if !asked.is_dry_run {
            return broken("told of what would happen, and asked that it happens".into());
        }
        if self.latest(&asked.payment).is_some_and(|account| account.operation(operation).is_some())
        {
            return broken(format!("operation {operation} stands in the ledger"));
        }
        let mut wrong = Vec::new();
        for account in self.states(asked, came_at) {
            let place = format!("{}:{}", account.partition, account.position);
            let is_there = account.version == 0 || body["position"] == place.as_str();
            match wrong_figure(body, &as_if(asked, &account)) {
                None if is_there => return None,
                None => wrong.push(format!("position is {}, not {place}", body["position"])),
                Some(figure) => wrong.push(figure),
            }
        }
        broken(format!("told {body}; came at version {came_at}: {wrong:?}"))
    }
}

/// The account with what the request would begin.
fn as_if(asked: &Asked, account: &Account) -> Account {
    let (capturable, refundable) = (account.capturable(), account.refundable());
    let amount = |all: i64| asked.amount.unwrap_or(all);
    let begun: &[_] = match asked.verb {
        "authorize" => &[("authorize", amount(0))],
        "capture" => &[("capture", amount(capturable))],
        "void" => &[("void", capturable)],
        "refund" => &[("refund", amount(refundable))],
        _ => &[("refund", refundable), ("void", capturable)],
    };
    let mut account = account.clone();
    if asked.verb == "authorize" {
        account.amount = amount(0);
    }
    let begun = begun.iter().filter(|(_, amount)| *amount > 0);
    account
        .operations
        .extend(begun.map(|(verb, amount)| Operation::would_be(verb, *amount, asked.is_final)));
    account
}
