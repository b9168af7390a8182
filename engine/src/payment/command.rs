//! What can be asked of a payment, and how it answers.

use std::sync::Arc;

use super::event::Event;
use super::operation::{AcquirerReference, CaptureMethod};
use crate::clock::Timestamp;
use crate::idempotency::{Request, TextHash};
use crate::ids::OperationId;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};

/// A command; ids and hashes come with it, so that deciding stays pure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Authorize(Authorize),
    Capture(Capture),
    Void(Void),
    Refund(Refund),
    Cancel(Cancel),
    Conclude(Conclude),
    /// An outcome that people found out: only for an operation that is open.
    Resolve(Conclude),
    MarkUnknown {
        operation_id: OperationId,
        cause: Arc<str>,
    },
    Expire,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorize {
    pub operation_id: OperationId,
    pub request: Request,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub amount: Amount,
    pub capture_method: CaptureMethod,
    pub payment_method_token: Option<Arc<str>>,
    pub reference_hash: Option<TextHash>,
    pub metadata_hash: Option<TextHash>,
    pub send_before: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub operation_id: OperationId,
    pub request: Request,
    /// `None` where the client named no merchant; another one's payment is not found.
    pub merchant_id: Option<MerchantId>,
    /// `None` for all that is left.
    pub amount: Option<Amount>,
    pub is_final: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    pub operation_id: OperationId,
    pub request: Request,
    pub merchant_id: Option<MerchantId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub operation_id: OperationId,
    pub request: Request,
    pub merchant_id: Option<MerchantId>,
    /// `None` for all that is left.
    pub amount: Option<Amount>,
    pub reason_hash: Option<TextHash>,
}

/// Gives back all that a payment holds: voids what is not captured and refunds what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// For a payment of which nothing is to be refunded.
    pub void: Void,
    /// For one of which something is; with no amount of its own.
    pub refund: Refund,
    /// The operation that voids the rest, where the refund is not all of it.
    pub void_beside: OperationId,
}

/// Records what the acquirer made of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclude {
    pub operation_id: OperationId,
    pub outcome: Outcome,
    /// For the operation that the outcome may begin: a sale's capture, or a reversal.
    pub next_operation_id: OperationId,
    pub terms: Terms,
}

/// The acquirer's definite answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approved { amount: Amount, acquirer: AcquirerReference },
    Declined { code: Arc<str>, acquirer: AcquirerReference },
    Failed { code: Arc<str>, acquirer: AcquirerReference },
}

/// The conditions in force when an outcome is recorded; they stand in the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Basis points of each capture, at most 10,000.
    pub fee_bps: u16,
    pub expires_after_ms: i64,
    /// The zone of the settlement day, in minutes east of UTC.
    pub settlement_offset_minutes: i32,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// These events, in one append.
    Append(Vec<Event>),
    /// The same request was accepted before: answer with that operation.
    Replay(OperationId),
    /// Already so.
    Nothing,
}
