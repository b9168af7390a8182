//! `daybook show PAYMENT`: a payment's timeline, for people.

use std::fmt::Write;

use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::Recorded;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{Event, EventBody, Operation, Payment};

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Prints the timeline.
///
/// # Errors
/// When there is no such payment, or the ledger can't be read.
pub(crate) async fn run(config: &Config, payment_id: PaymentId) -> Result<(), Failure> {
    let ledger = wiring::open_ledger_to_read(config).await?;
    let recorded = ledger.load(payment_id).await?;
    if recorded.is_empty() {
        return Err(Failure::Usage(format!("there is no payment {payment_id} in this ledger")));
    }
    let events: Result<Vec<Event>, _> = recorded.iter().map(Recorded::decode).collect();
    let events = events.map_err(|error| Failure::Dependency(error.to_string()))?;
    let payment = Payment::fold(&events)
        .ok_or_else(|| Failure::Dependency("its first event is missing".to_owned()))?;
    print!("{}", timeline(payment_id, &recorded, &events, &payment));
    Ok(())
}

fn timeline(
    payment_id: PaymentId,
    recorded: &[Recorded],
    events: &[Event],
    payment: &Payment,
) -> String {
    let mut text = String::new();
    head(&mut text, payment_id, payment);
    text.push_str("\nEvents\n");
    for (record, event) in recorded.iter().zip(events) {
        line(&mut text, record, event);
    }
    text.push_str("\nOperations\n");
    for operation in &payment.operations {
        operation_line(&mut text, operation, payment.currency);
    }
    text
}

fn head(text: &mut String, payment_id: PaymentId, payment: &Payment) {
    let money = |amount| decimal(amount, payment.currency);
    let rows = [
        ("payment", payment_id.to_string()),
        ("merchant", payment.merchant_id.to_string()),
        ("status", payment.status().as_str().to_owned()),
        ("requested", money(payment.amount)),
        ("authorized", money(payment.amount_authorized())),
        ("capturable", money(payment.amount_capturable())),
        ("captured", pending(payment.amount_captured(), payment.amount_capture_pending(), money)),
        ("refunded", pending(payment.amount_refunded(), payment.amount_refund_pending(), money)),
        ("voided", money(payment.amount_voided())),
        ("expires", payment.expires_at.map_or_else(|| "-".to_owned(), |at| at.to_string())),
    ];
    for (name, value) in rows {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{name:<11} {value}");
    }
}

fn pending(done: Amount, pending: Amount, money: impl Fn(Amount) -> String) -> String {
    if pending.is_zero() {
        money(done)
    } else {
        format!("{} and {} pending", money(done), money(pending))
    }
}

fn line(text: &mut String, record: &Recorded, event: &Event) {
    let header = &event.header;
    let place = format!("{}:{}", record.partition, record.position);
    let kind = event.event_type().as_str().trim_start_matches("payment.");
    let amount =
        amount_of(event).map(|amount| decimal(amount, header.currency)).unwrap_or_default();
    let _ = writeln!(
        text,
        "{:>4}  {}  {place:<12} {kind:<24} {amount:>16}  {}",
        record.version,
        header.at,
        detail(event)
    );
    let postings = event.journal().map(|journal| journal.postings()).unwrap_or_default();
    for posting in postings {
        let amount = decimal(posting.amount, header.currency);
        let (side, account) = (posting.side.as_str(), posting.account.as_str());
        let _ = writeln!(text, "{:46}{side:<6} {account:<20} {amount:>13}", "");
    }
}

fn amount_of(event: &Event) -> Option<Amount> {
    Some(match &event.body {
        EventBody::AuthorizationRequested(e) => e.amount,
        EventBody::Authorized(e) => e.amount,
        EventBody::CaptureRequested(e) => e.amount,
        EventBody::Captured(e) => e.amount,
        EventBody::CaptureFailed(e) => e.amount,
        EventBody::VoidRequested(e) => e.amount,
        EventBody::Voided(e) => e.amount,
        EventBody::VoidFailed(e) => e.amount,
        EventBody::RefundRequested(e) => e.amount,
        EventBody::Refunded(e) => e.amount,
        EventBody::RefundFailed(e) => e.amount,
        EventBody::Expired(e) => e.amount,
        EventBody::LateOutcome(e) => e.amount,
        EventBody::ReversalRequested(e) => e.amount,
        EventBody::Reversed(e) => e.amount,
        EventBody::Declined(_) | EventBody::OperationUnknown(_) => return None,
    })
}

fn detail(event: &Event) -> String {
    let operation = event.header.operation_id.map(|id| format!("operation {id}"));
    let what = match &event.body {
        EventBody::AuthorizationRequested(e) => e.request.key.as_ref().map(|k| format!("key {k}")),
        EventBody::CaptureRequested(e) => {
            e.request.as_ref().and_then(|r| r.key.as_ref()).map(|k| format!("key {k}"))
        }
        EventBody::VoidRequested(e) => e.request.key.as_ref().map(|k| format!("key {k}")),
        EventBody::RefundRequested(e) => e.request.key.as_ref().map(|k| format!("key {k}")),
        EventBody::Declined(e) => Some(e.decline_code.to_string()),
        EventBody::OperationUnknown(e) => {
            Some(format!("{} is unknown: {}", e.verb.as_str(), e.cause))
        }
        EventBody::LateOutcome(e) if e.counted => Some("late, and counted".to_owned()),
        EventBody::LateOutcome(_) => Some("late, and not counted".to_owned()),
        EventBody::ReversalRequested(e) => Some(format!("reverses {}", e.reverses)),
        _ => None,
    };
    [what, operation].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn operation_line(text: &mut String, operation: &Operation, currency: Currency) {
    let answer = [
        operation.acquirer.transaction_id.as_deref(),
        operation.acquirer.response_code.as_deref(),
        operation.acquirer.response_message.as_deref(),
    ];
    let _ = writeln!(
        text,
        "  {}  {:<9} {:<9} {:>16}  {}",
        operation.id,
        operation.verb.as_str(),
        operation.status.as_str(),
        decimal(operation.amount, currency),
        answer.into_iter().flatten().collect::<Vec<_>>().join(" ")
    );
}

/// An amount in major units with its currency, such as `EUR 10.00`.
fn decimal(amount: Amount, currency: Currency) -> String {
    let places = usize::from(currency.exponent());
    let digits = format!("{:0>width$}", amount.minor(), width = places.saturating_add(1));
    let (major, minor) = digits.split_at(digits.len().saturating_sub(places));
    if minor.is_empty() {
        format!("{currency} {major}")
    } else {
        format!("{currency} {major}.{minor}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_in_the_currency_s_own_decimals() {
        let shown =
            |minor, code| decimal(Amount::try_from(minor).unwrap(), Currency::parse(code).unwrap());
        assert_eq!(shown(5, "EUR"), "EUR 0.05");
        assert_eq!(shown(123_456, "EUR"), "EUR 1234.56");
        assert_eq!(shown(500, "JPY"), "JPY 500");
        assert_eq!(shown(1, "KWD"), "KWD 0.001");
    }
}
