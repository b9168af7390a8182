//! One authorize, capture, void, refund or reversal.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{AuthorizationRequested, LateOutcomeKind};
use crate::clock::Timestamp;
use crate::idempotency::{Request, TextHash};
use crate::ids::OperationId;
use crate::money::Amount;

/// What an operation asks of the acquirer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Authorize,
    Capture,
    Void,
    Refund,
    /// Undoes an authorization that was approved after it had been concluded otherwise.
    Reverse,
}

impl Verb {
    pub const ALL: [Self; 5] =
        [Self::Authorize, Self::Capture, Self::Void, Self::Refund, Self::Reverse];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Reverse => "reverse",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == name)
    }
}

/// When an approved amount is captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// By the client's captures.
    #[default]
    Manual,
    /// At once and whole: a sale.
    Automatic,
}

impl CaptureMethod {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "automatic",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationStatus {
    Pending,
    Succeeded,
    Failed,
    /// Sent, and nobody knows yet what the acquirer made of it: it counts as pending.
    Unknown,
}

impl OperationStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Without an outcome so far.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Unknown)
    }
}

/// What the acquirer said of an operation; each at most 256 characters. In JSON each stands there,
/// null included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcquirerReference {
    #[serde(deserialize_with = "Option::deserialize")]
    pub transaction_id: Option<Arc<str>>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub approval_code: Option<Arc<str>>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub response_code: Option<Arc<str>>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub response_message: Option<Arc<str>>,
}

/// One operation of a payment, as far as its events tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub id: OperationId,
    pub verb: Verb,
    pub status: OperationStatus,
    /// What was asked for.
    pub amount: Amount,
    /// What counts: the approved or captured amount once it succeeded, zero while it has not.
    pub settled: Amount,
    pub fee: Amount,
    /// The last capture: the rest is released when it succeeds.
    pub is_final: bool,
    /// `None` for what the engine began by itself: a sale's capture, a reversal.
    pub request: Option<Request>,
    pub reason_hash: Option<TextHash>,
    pub acquirer: AcquirerReference,
    /// The version of its request event.
    pub requested: u32,
    /// The version of its outcome event.
    pub concluded: Option<u32>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    /// When its call was first found to have no definite answer.
    pub unknown_at: Option<Timestamp>,
    /// What the acquirer said after the outcome, contradicting it: people should look.
    pub late: Option<LateOutcomeKind>,
}

impl Operation {
    pub(super) fn authorization(
        id: OperationId,
        at: Timestamp,
        event: &AuthorizationRequested,
    ) -> Self {
        Self {
            request: Some(event.request.clone()),
            ..Self::new(id, Verb::Authorize, event.amount, 1, at)
        }
    }

    pub(super) fn new(
        id: OperationId,
        verb: Verb,
        amount: Amount,
        requested: u32,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            verb,
            status: OperationStatus::Pending,
            amount,
            settled: Amount::ZERO,
            fee: Amount::ZERO,
            is_final: false,
            request: None,
            reason_hash: None,
            acquirer: AcquirerReference::default(),
            requested,
            concluded: None,
            created_at,
            completed_at: None,
            unknown_at: None,
            late: None,
        }
    }

    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.status.is_open()
    }
}
