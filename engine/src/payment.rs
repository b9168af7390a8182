//! The payment: pure rules over an append-only list of events.
//!
//! [`Payment::decide`] answers a command with events or a refusal; [`Payment::evolve`] folds an
//! event in. Neither knows a clock, a database or a random number.

mod amounts;
mod answered;
mod codec;
mod command;
mod decide;
mod event;
mod evolve;
mod fingerprint;
#[cfg_attr(
    not(any(test, feature = "testing")),
    expect(dead_code, reason = "every event is of its first version so far")
)]
mod older;
mod operation;
mod rejection;
mod representation;
mod status;

pub use codec::{DecodeError, decode, encode, is_canonical};
pub use command::{
    Authorize, Cancel, Capture, Command, Conclude, Decision, Outcome, Refund, Terms, Void,
};
pub use event::*;
pub use fingerprint::{Asked, fingerprint};
#[cfg(any(test, feature = "testing"))]
pub use older::made_up;
pub use operation::{AcquirerReference, CaptureMethod, Operation, OperationStatus, Verb};
pub use rejection::Rejection;
pub use representation::{LedgerEntryBody, OperationBody, PaymentBody, REPRESENTATION, Rendering};
pub use status::PaymentStatus;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::idempotency::TextHash;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};

/// How often an operation may be accepted on one payment, its authorization included.
pub const MAX_OPERATIONS: usize = 200;

/// A payment folded up to some version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The number of events folded in.
    pub version: u32,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    /// What the client asked to be authorized.
    pub amount: Amount,
    pub capture_method: CaptureMethod,
    pub payment_method_token: Option<Arc<str>>,
    pub reference_hash: Option<TextHash>,
    pub metadata_hash: Option<TextHash>,
    /// No process sends the authorization to the acquirer after this.
    pub send_before: Timestamp,
    /// Set by the authorization: a capture at or after it is refused.
    pub expires_at: Option<Timestamp>,
    pub release: Option<Release>,
    pub decline_code: Option<Arc<str>>,
    /// Every operation in version order; the authorization stands first.
    pub operations: Vec<Operation>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What gave the uncaptured rest back to the cardholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    Voided,
    FinalCapture,
    Expired,
}

impl Payment {
    /// The payment that its first event creates.
    #[must_use]
    pub fn requested(header: &Header, event: &AuthorizationRequested) -> Self {
        Self {
            version: 1,
            merchant_id: header.merchant_id.clone(),
            currency: header.currency,
            amount: event.amount,
            capture_method: event.capture_method,
            payment_method_token: event.payment_method_token.clone(),
            reference_hash: event.reference_hash,
            metadata_hash: event.metadata_hash,
            send_before: event.send_before,
            expires_at: None,
            release: None,
            decline_code: None,
            operations: header
                .operation_id
                .map(|id| Operation::authorization(id, header.at, event))
                .into_iter()
                .collect(),
            created_at: header.at,
            updated_at: header.at,
        }
    }

    /// The payment that these events describe, in version order; `None` where the first of them
    /// does not request an authorization.
    #[must_use]
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let first = Self::begin_with(events.next()?)?;
        Some(events.fold(first, Self::evolve))
    }

    /// The payment after its first event; `None` where that is no authorization request.
    #[must_use]
    pub fn begin_with(event: &Event) -> Option<Self> {
        match &event.body {
            EventBody::AuthorizationRequested(body) => Some(Self::requested(&event.header, body)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
