//! `daybook operations …`: what needs people, and what they found out.

use std::str::FromStr;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches};
use daybook_engine::ids::OperationId;
use daybook_engine::merchant::MerchantId;
use daybook_engine::payment::Verb;

use super::definition::{payment, settings};
use super::{Failure, payment_argument};
use crate::commands::operations::{
    Acknowledging, Kinds, Listing, OperationsCommand, Resolving, Said,
};

/// The longest name and reason: they stand in the event together, in a text of 256 characters.
const BY_MAX: usize = 64;
const WHY_MAX: usize = 160;

pub(super) fn definition() -> clap::Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).num_args(0).action(ArgAction::SetTrue).help(help)
    };
    let value = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    clap::Command::new("operations")
        .about("List the operations that need people, and record what they found out")
        .long_about(
            "An operation whose outcome no inquiry has found for --flag-after-s is flagged for people; \
             so is one that the acquirer contradicted after its outcome was recorded (what it said \
             is in the ledger then, and there is nothing to resolve: it is acknowledged).",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("list")
                .about("Print the operations that need people, oldest first")
                .arg(flag("open", "Only those that have no outcome").conflicts_with("late"))
                .arg(flag("late", "Only those that the acquirer contradicted"))
                .arg(value("merchant-id", "MERCHANT", "Only those of a merchant"))
                .arg(value("verb", "VERB", "Only authorize, capture, void, refund or reverse"))
                .arg(flag("acknowledged", "Contradicted ones too that somebody has acknowledged"))
                .arg(flag("json", "One JSON object a line"))
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("resolve")
                .about("Record the outcome of an operation that is flagged and open")
                .long_about(
                    "Record the outcome of an operation that is flagged and open, as people found it \
                     out with the acquirer. It becomes an event like any other, with who and why in \
                     it, for ever: so write no cardholder's data there. An operation that has an \
                     outcome is refused: the ledger is never contradicted.",
                )
                .arg(payment())
                .arg(operation())
                .arg(
                    value("outcome", "succeeded|failed", "What the acquirer made of it")
                        .required(true),
                )
                .arg(value("by", "NAME", "Who says so").required(true))
                .arg(value("why", "TEXT", "How they know").required(true))
                .arg(value("amount", "MINOR", "Less than was asked for, in minor units"))
                .arg(value("transaction-id", "ID", "The acquirer's own id of it"))
                .arg(value("approval-code", "CODE", "The acquirer's approval code"))
                .args(settings()),
        )
        .subcommand(
            clap::Command::new("acknowledge")
                .about("Take an operation that the acquirer contradicted off the list")
                .long_about(
                    "Take an operation that the acquirer contradicted off the list: somebody has seen it \
                     and done what is to be done outside of Daybook. Who, why and when is kept beside \
                     the ledger for ever, so write no cardholder's data there. It is about what the \
                     acquirer has said so far: a later contradiction puts the operation on the list again.",
                )
                .arg(payment())
                .arg(operation())
                .arg(value("by", "NAME", "Who has seen it").required(true))
                .arg(value("why", "TEXT", "What was done about it").required(true))
                .args(settings()),
        )
}

fn operation() -> Arg {
    Arg::new("OPERATION").required(true).help("The operation's id")
}

fn text<'m>(arguments: &'m ArgMatches, name: &str) -> Option<&'m str> {
    arguments.get_one::<String>(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn parsed<T: FromStr>(
    arguments: &ArgMatches,
    name: &str,
    wanted: &str,
) -> Result<Option<T>, Failure> {
    let Some(found) = text(arguments, name) else { return Ok(None) };
    let wrong = || Failure::Usage(format!("--{name} must be {wanted}, not {found:?}"));
    found.parse().map(Some).map_err(|_| wrong())
}

pub(super) fn list(arguments: &ArgMatches) -> Result<OperationsCommand, Failure> {
    let kinds = match (arguments.get_flag("open"), arguments.get_flag("late")) {
        (true, _) => Kinds::Open,
        (_, true) => Kinds::Late,
        _ => Kinds::All,
    };
    let verb = text(arguments, "verb").map(|name| {
        let wanted = "authorize, capture, void, refund or reverse";
        let wrong = || Failure::Usage(format!("--verb must be {wanted}, not {name:?}"));
        Verb::parse(name).ok_or_else(wrong)
    });
    let merchant_id = text(arguments, "merchant-id").map(|name| {
        let wrong = |error| Failure::Usage(format!("--merchant-id {name:?}: {error}"));
        MerchantId::parse(name).map_err(wrong)
    });
    Ok(OperationsCommand::List(Listing {
        kinds,
        merchant_id: merchant_id.transpose()?,
        verb: verb.transpose()?,
        has_acknowledged: arguments.get_flag("acknowledged"),
        is_json: arguments.get_flag("json"),
    }))
}

pub(super) fn acknowledge(arguments: &ArgMatches) -> Result<OperationsCommand, Failure> {
    Ok(OperationsCommand::Acknowledge(Acknowledging {
        payment_id: payment_argument(arguments)?,
        operation_id: operation_argument(arguments)?,
        by: said_by(arguments, "by", BY_MAX)?,
        why: said_by(arguments, "why", WHY_MAX)?,
    }))
}

fn operation_argument(arguments: &ArgMatches) -> Result<OperationId, Failure> {
    let found = arguments.get_one::<String>("OPERATION").and_then(|text| text.parse().ok());
    found.ok_or_else(|| {
        Failure::Usage(
            "OPERATION must be an operation's id, as `operations list` prints it".to_owned(),
        )
    })
}

pub(super) fn resolve(arguments: &ArgMatches) -> Result<OperationsCommand, Failure> {
    let operation_id = operation_argument(arguments)?;
    let said = match text(arguments, "outcome") {
        Some("succeeded") => Said::Succeeded,
        Some("failed") => Said::Failed,
        other => {
            let other = other.unwrap_or_default();
            return Err(Failure::Usage(format!(
                "--outcome must be succeeded or failed, not {other:?}"
            )));
        }
    };
    let owned = |name: &str| text(arguments, name).map(Arc::from);
    Ok(OperationsCommand::Resolve(Resolving {
        payment_id: payment_argument(arguments)?,
        operation_id,
        said,
        by: said_by(arguments, "by", BY_MAX)?,
        why: said_by(arguments, "why", WHY_MAX)?,
        amount: parsed(arguments, "amount", "a whole number of minor units")?,
        transaction_id: owned("transaction-id"),
        approval_code: owned("approval-code"),
    }))
}

fn said_by(arguments: &ArgMatches, name: &str, max: usize) -> Result<String, Failure> {
    let found = text(arguments, name).unwrap_or_default();
    let is_whole =
        (1..=max).contains(&found.chars().count()) && !found.chars().any(char::is_control);
    is_whole.then(|| found.to_owned()).ok_or_else(|| {
        Failure::Usage(format!("--{name} must be 1 to {max} characters in one line"))
    })
}
