//! What stands in the bodies between the HTTP adapter and an acquirer; `docs/acquirer-wire.md` has the
//! whole of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AcquirerRequest, InquiryAnswer, Notice, bounded_text};
use crate::ids::{OperationId, PaymentId};
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::{AcquirerReference, Outcome, Verb};

/// The media type of every body.
pub const JSON: &str = "application/json";
/// Before an operation's id: POST executes it, GET asks what became of it.
pub const OPERATIONS: &str = "/v1/operations/";
/// GET: answers that came by themselves.
pub const NOTICES: &str = "/v1/notices";
/// GET: whether operations are taken.
pub const HEALTH: &str = "/v1/health";
/// The most bytes of a body.
pub const BODY_MAX: usize = 64 * 1024;
/// The most notices of one answer.
pub const NOTICES_MAX: usize = 100;

/// An operation to execute; its id stands in the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationBody {
    pub payment_id: PaymentId,
    pub merchant_id: MerchantId,
    pub verb: Verb,
    /// In minor units.
    pub amount: Amount,
    pub currency: Currency,
    pub payment_method_token: Option<Arc<str>>,
    pub authorization_id: Option<Arc<str>>,
}

impl OperationBody {
    #[must_use]
    pub fn of(request: &AcquirerRequest) -> Self {
        Self {
            payment_id: request.payment_id,
            merchant_id: request.merchant_id.clone(),
            verb: request.verb,
            amount: request.amount,
            currency: request.currency,
            payment_method_token: request.payment_method_token.clone(),
            authorization_id: request.authorization_id.clone(),
        }
    }

    #[must_use]
    pub fn request(self, operation_id: OperationId) -> AcquirerRequest {
        AcquirerRequest {
            operation_id,
            payment_id: self.payment_id,
            merchant_id: self.merchant_id,
            verb: self.verb,
            amount: self.amount,
            currency: self.currency,
            payment_method_token: self.payment_method_token,
            authorization_id: self.authorization_id,
        }
    }
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AnswerBody {
    Approved {
        /// What was approved, in minor units.
        amount: Amount,
        acquirer: AcquirerReference,
    },
    Declined {
        code: Arc<str>,
        acquirer: AcquirerReference,
    },
    /// For certain: nothing was done, and it will not be.
    Failed {
        code: Arc<str>,
        acquirer: AcquirerReference,
    },
    /// Still being processed.
    Pending,
    /// Never received.
    NotFound,
}

impl AnswerBody {
    /// With every text cut to what an event may carry; `None` where there is no outcome yet.
    #[must_use]
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Approved { amount, acquirer } => {
                Some(Outcome::Approved { amount, acquirer: acquirer.bounded() })
            }
            Self::Declined { code, acquirer } => {
                let (code, acquirer) = (bounded_text(&code), acquirer.bounded());
                Some(Outcome::Declined { code, acquirer })
            }
            Self::Failed { code, acquirer } => {
                let (code, acquirer) = (bounded_text(&code), acquirer.bounded());
                Some(Outcome::Failed { code, acquirer })
            }
            Self::Pending | Self::NotFound => None,
        }
    }

    #[must_use]
    pub fn inquiry(self) -> InquiryAnswer {
        match self {
            Self::Pending => InquiryAnswer::Pending,
            Self::NotFound => InquiryAnswer::NotFound,
            known => known.outcome().map_or(InquiryAnswer::Pending, InquiryAnswer::Concluded),
        }
    }
}

impl From<Outcome> for AnswerBody {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Approved { amount, acquirer } => Self::Approved { amount, acquirer },
            Outcome::Declined { code, acquirer } => Self::Declined { code, acquirer },
            Outcome::Failed { code, acquirer } => Self::Failed { code, acquirer },
        }
    }
}

/// Notices in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticesBody {
    pub notices: Vec<NoticeBody>,
}

/// An answer that came by itself; numbers only rise, and never start again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeBody {
    pub number: u64,
    pub payment_id: PaymentId,
    pub operation_id: OperationId,
    pub answer: AnswerBody,
}

impl NoticeBody {
    /// `None` where it says nothing definite.
    #[must_use]
    pub fn notice(self) -> Option<Notice> {
        let Self { payment_id, operation_id, answer, .. } = self;
        Some(Notice { payment_id, operation_id, outcome: answer.outcome()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_texts_are_cut_to_what_an_event_and_a_view_may_hold() {
        let text: Arc<str> = format!("\0{}", "\u{e9}".repeat(300)).into();
        let acquirer = AcquirerReference {
            transaction_id: Some(text.clone()),
            approval_code: None,
            response_code: Some(text.clone()),
            response_message: Some(text.clone()),
        };
        let kept: Arc<str> = "\u{e9}".repeat(256).into();
        let answer = AnswerBody::Declined { code: text, acquirer };
        let Some(Outcome::Declined { code, acquirer }) = answer.outcome() else { panic!() };
        assert_eq!(code, kept);
        for text in [acquirer.transaction_id, acquirer.response_code, acquirer.response_message] {
            assert_eq!(text.as_ref(), Some(&kept));
        }
    }

    #[test]
    fn an_answer_reads_as_it_was_written() {
        let acquirer = AcquirerReference::default();
        for answer in [
            AnswerBody::Approved { amount: Amount::MAX, acquirer: acquirer.clone() },
            AnswerBody::Declined { code: "NO".into(), acquirer: acquirer.clone() },
            AnswerBody::Failed { code: "NO".into(), acquirer },
            AnswerBody::Pending,
            AnswerBody::NotFound,
        ] {
            let json = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<AnswerBody>(&json).unwrap(), answer, "{json}");
        }
        let status = serde_json::to_value(AnswerBody::NotFound).unwrap();
        assert_eq!(status, serde_json::json!({"status": "not_found"}));
    }
}
