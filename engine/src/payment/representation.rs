//! How a payment looks from outside: the JSON body of the API, by representation version.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::operation::{CaptureMethod, Operation, OperationStatus, Verb};
use super::{Payment, PaymentStatus};
use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName};
use crate::ids::{OperationId, Partition, PaymentId};
use crate::journal::{Account, JournalEntry, Side};
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};

/// The representation that new requests are answered in, now and at every replay.
pub const REPRESENTATION: u16 = 1;

/// All that a body is made of.
#[derive(Clone, Copy, Debug)]
pub struct Rendering<'a> {
    pub payment_id: PaymentId,
    pub payment: &'a Payment,
    pub partition: Partition,
    /// Where the payment's last event stands.
    pub position: u64,
    pub texts: &'a [EventText],
}

/// A payment as the API shows it, representation 1.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Payment", deny_unknown_fields)]
pub struct PaymentBody {
    pub payment_id: PaymentId,
    pub merchant_id: MerchantId,
    pub status: PaymentStatus,
    pub currency: Currency,
    /// What was asked to be authorized.
    pub amount: Amount,
    /// What the acquirer approved: the bound of everything that follows.
    pub amount_authorized: Amount,
    /// What a capture may still take.
    pub amount_capturable: Amount,
    pub amount_captured: Amount,
    pub amount_refunded: Amount,
    /// What open captures have asked for.
    pub amount_capture_pending: Amount,
    /// What open refunds have asked for.
    pub amount_refund_pending: Amount,
    /// What a void, a final capture or the expiry released.
    pub amount_voided: Amount,
    /// The operation that began the payment.
    pub authorization: Option<OperationBody>,
    pub captures: Vec<OperationBody>,
    pub voids: Vec<OperationBody>,
    pub refunds: Vec<OperationBody>,
    /// Why the authorization was declined; null where it wasn't.
    pub decline_code: Option<Arc<str>>,
    /// The client's own name for it; null where there is none or it was erased.
    pub reference: Option<Arc<str>>,
    pub capture_method: CaptureMethod,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// From then on nothing can be captured; null until it is authorized.
    pub expires_at: Option<Timestamp>,
    /// How many events the payment consists of.
    pub version: u32,
    /// Where its last event stands in the ledger, `PARTITION:POSITION`: opaque to clients.
    #[schemars(extend("pattern" = "^[0-9]+:[0-9]+$"))]
    pub position: String,
    /// The client's own pairs; null where there are none or they were erased.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub metadata: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PaymentOperation", deny_unknown_fields)]
pub struct OperationBody {
    pub operation_id: OperationId,
    /// What it came to once it succeeded, until then what was asked for.
    pub amount: Amount,
    pub status: OperationStatus,
    /// The acquirer's id of what it did; null where it gave none.
    pub acquirer_transaction_id: Option<Arc<str>>,
    pub approval_code: Option<Arc<str>>,
    pub response_code: Option<Arc<str>>,
    /// The acquirer's words, for people.
    pub response_message: Option<Arc<str>>,
    pub created_at: Timestamp,
    /// When its outcome was recorded; null until then.
    pub completed_at: Option<Timestamp>,
    /// Why it was refunded, in the client's words.
    pub reason: Option<Arc<str>>,
}

/// One posting, as the older routes list them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LedgerEntry", deny_unknown_fields)]
pub struct LedgerEntryBody {
    pub operation_id: OperationId,
    pub account: Account,
    pub side: Side,
    pub amount: Amount,
    pub currency: Currency,
}

impl Rendering<'_> {
    /// The body in representation 1, the only one so far.
    #[must_use]
    pub fn body(&self) -> PaymentBody {
        let payment = self.payment;
        PaymentBody {
            payment_id: self.payment_id,
            merchant_id: payment.merchant_id.clone(),
            status: payment.status(),
            currency: payment.currency,
            amount: payment.amount,
            amount_authorized: payment.amount_authorized(),
            amount_capturable: payment.amount_capturable(),
            amount_captured: payment.amount_captured(),
            amount_refunded: payment.amount_refunded(),
            amount_capture_pending: payment.amount_capture_pending(),
            amount_refund_pending: payment.amount_refund_pending(),
            amount_voided: payment.amount_voided(),
            authorization: payment.authorization().map(|first| self.operation(first)),
            captures: self.operations(Verb::Capture),
            voids: self.operations(Verb::Void),
            refunds: self.operations(Verb::Refund),
            decline_code: payment.decline_code.clone(),
            reference: self.text(1, TextName::Reference),
            capture_method: payment.capture_method,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
            expires_at: payment.expires_at,
            version: payment.version,
            position: format!("{}:{}", self.partition, self.position),
            metadata: self
                .text(1, TextName::Metadata)
                .and_then(|json| RawValue::from_string(json.to_string()).ok()),
        }
    }

    /// The postings of everything that moved money and counts.
    #[must_use]
    pub fn ledger_entries(&self) -> Vec<LedgerEntryBody> {
        let settled = self.payment.operations.iter().filter(|o| !o.settled.is_zero());
        let entries = settled.filter_map(|operation| match operation.verb {
            Verb::Capture => {
                Some((operation.id, JournalEntry::capture(operation.settled, operation.fee)))
            }
            Verb::Refund => Some((operation.id, JournalEntry::refund(operation.settled))),
            _ => None,
        });
        let currency = self.payment.currency;
        let postings = entries.flat_map(|(operation_id, entry)| {
            entry.postings().iter().map(|p| (operation_id, *p)).collect::<Vec<_>>()
        });
        postings
            .map(|(operation_id, posting)| LedgerEntryBody {
                operation_id,
                account: posting.account,
                side: posting.side,
                amount: posting.amount,
                currency,
            })
            .collect()
    }

    fn operations(&self, verb: Verb) -> Vec<OperationBody> {
        let of_verb = self.payment.operations.iter().filter(|operation| operation.verb == verb);
        of_verb.map(|operation| self.operation(operation)).collect()
    }

    fn operation(&self, operation: &Operation) -> OperationBody {
        let is_settled = operation.status == OperationStatus::Succeeded;
        OperationBody {
            operation_id: operation.id,
            amount: if is_settled { operation.settled } else { operation.amount },
            status: operation.status,
            acquirer_transaction_id: operation.acquirer.transaction_id.clone(),
            approval_code: operation.acquirer.approval_code.clone(),
            response_code: operation.acquirer.response_code.clone(),
            response_message: operation.acquirer.response_message.clone(),
            created_at: operation.created_at,
            completed_at: operation.completed_at,
            reason: self.text(operation.requested, TextName::Reason),
        }
    }

    fn text(&self, version: u32, name: TextName) -> Option<Arc<str>> {
        let text = self.texts.iter().find(|text| text.version == version && text.name == name);
        text.and_then(|text| text.text.clone())
    }
}
