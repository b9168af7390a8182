//! A client's request on its way to becoming a command.

use std::sync::Arc;

use super::request::{AuthorizeRequest, CancelRequest, CaptureRequest, RefundRequest, VoidRequest};
use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName, hash_text};
use crate::idempotency::{IdempotencyKey, Request, TextHash};
use crate::ids::{Ids, LedgerId, OperationId, PaymentId};
use crate::ledger::AppendText;
use crate::payment::{
    Asked, Authorize, Cancel, Capture, Command, Event, EventBody, Operation, Payment,
    REPRESENTATION, Refund, Void, fingerprint,
};

/// A request with the ids it will have however often it is decided: they are given before the
/// first append, so that a lost answer can be found again.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) payment_id: PaymentId,
    pub(super) operation_id: OperationId,
    pub(super) texts: Vec<AppendText>,
    pub(super) traceparent: Option<Arc<str>>,
    verb: IntentVerb,
}

#[derive(Debug)]
enum IntentVerb {
    Authorize { request: AuthorizeRequest, send_before: Timestamp },
    Capture(CaptureRequest),
    Void(VoidRequest),
    Refund(RefundRequest),
    Cancel { request: CancelRequest, void_beside: OperationId },
}

impl Intent {
    pub(super) fn authorize(
        request: AuthorizeRequest,
        ledger_id: LedgerId,
        send_before: Timestamp,
        ids: &Ids,
    ) -> Self {
        let payment_id = PaymentId::derive(ledger_id, &request.merchant_id, &request.key);
        let texts = [
            (TextName::Reference, request.reference.clone()),
            (TextName::Metadata, request.metadata.clone()),
        ];
        let traceparent = request.traceparent.clone();
        Self::new(
            payment_id,
            traceparent,
            texts,
            IntentVerb::Authorize { request, send_before },
            ids,
        )
    }

    pub(super) fn capture(request: CaptureRequest, ids: &Ids) -> Self {
        let (payment_id, trace) = (request.payment_id, request.traceparent.clone());
        Self::new(payment_id, trace, [], IntentVerb::Capture(request), ids)
    }

    pub(super) fn void(request: VoidRequest, ids: &Ids) -> Self {
        let (payment_id, trace) = (request.payment_id, request.traceparent.clone());
        Self::new(payment_id, trace, [], IntentVerb::Void(request), ids)
    }

    pub(super) fn refund(request: RefundRequest, ids: &Ids) -> Self {
        let (payment_id, trace) = (request.payment_id, request.traceparent.clone());
        let texts = [(TextName::Reason, request.reason.clone())];
        Self::new(payment_id, trace, texts, IntentVerb::Refund(request), ids)
    }

    pub(super) fn cancel(request: CancelRequest, ids: &Ids) -> Self {
        let (payment_id, trace) = (request.payment_id, request.traceparent.clone());
        let texts = [(TextName::Reason, request.reason.clone())];
        let void_beside = ids.operation_id();
        Self::new(payment_id, trace, texts, IntentVerb::Cancel { request, void_beside }, ids)
    }

    fn new<const N: usize>(
        payment_id: PaymentId,
        traceparent: Option<Arc<str>>,
        texts: [(TextName, Option<Arc<str>>); N],
        verb: IntentVerb,
        ids: &Ids,
    ) -> Self {
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let texts = given.map(|(name, text)| AppendText { name, salt: ids.salt(), text }).collect();
        Self { payment_id, operation_id: ids.operation_id(), texts, traceparent, verb }
    }

    /// Whether the request may create its payment.
    pub(super) const fn creates(&self) -> bool {
        matches!(self.verb, IntentVerb::Authorize { .. })
    }

    /// The texts that stand beside these events: a cancellation that became a void keeps none.
    pub(super) fn texts_beside(&self, events: &[Event]) -> Vec<AppendText> {
        match events.first().map(|first| &first.body) {
            Some(EventBody::VoidRequested(_)) => Vec::new(),
            _ => self.texts.clone(),
        }
    }

    /// The operation that this request's key began, where it is needed to compare texts.
    pub(super) fn repeated<'a>(&self, payment: &'a Payment) -> Option<&'a Operation> {
        if self.texts.is_empty() {
            return None;
        }
        payment.operation_with_key(self.key()?)
    }

    /// The command; `stored` are the texts of the operation that the same key began, whose salts
    /// make the fingerprints comparable.
    pub(super) fn command(&self, payment: Option<&Payment>, stored: &[EventText]) -> Command {
        let hashes: Vec<_> =
            self.texts.iter().map(|text| (text.name, hash_as(text, payment, stored))).collect();
        let request = Request {
            key: self.key().cloned(),
            fingerprint: fingerprint(&self.asked(), &hashes),
            representation: REPRESENTATION,
        };
        let operation_id = self.operation_id;
        let hash = |name| hashes.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash);
        match &self.verb {
            IntentVerb::Authorize { request: asked, send_before } => {
                Command::Authorize(Authorize {
                    operation_id,
                    request,
                    merchant_id: asked.merchant_id.clone(),
                    currency: asked.currency,
                    amount: asked.amount,
                    capture_method: asked.capture_method,
                    payment_method_token: asked.payment_method_token.clone(),
                    reference_hash: hash(TextName::Reference),
                    metadata_hash: hash(TextName::Metadata),
                    send_before: *send_before,
                })
            }
            IntentVerb::Capture(asked) => Command::Capture(Capture {
                operation_id,
                request,
                merchant_id: asked.merchant_id.clone(),
                amount: asked.amount,
                is_final: asked.is_final,
            }),
            IntentVerb::Void(asked) => Command::Void(Void {
                operation_id,
                request,
                merchant_id: asked.merchant_id.clone(),
            }),
            IntentVerb::Refund(asked) => Command::Refund(Refund {
                operation_id,
                request,
                merchant_id: asked.merchant_id.clone(),
                amount: asked.amount,
                reason_hash: hash(TextName::Reason),
            }),
            IntentVerb::Cancel { request: asked, void_beside } => {
                let bare = fingerprint(&self.asked(), &[]);
                let merchant_id = asked.merchant_id.clone();
                Command::Cancel(Cancel {
                    void: Void {
                        operation_id,
                        request: Request { fingerprint: bare, ..request.clone() },
                        merchant_id: merchant_id.clone(),
                    },
                    refund: Refund {
                        operation_id,
                        request,
                        merchant_id,
                        amount: None,
                        reason_hash: hash(TextName::Reason),
                    },
                    void_beside: *void_beside,
                })
            }
        }
    }

    fn asked(&self) -> Asked<'_> {
        match &self.verb {
            IntentVerb::Authorize { request, .. } => Asked::Authorize {
                merchant_id: &request.merchant_id,
                currency: request.currency,
                amount: request.amount,
                capture_method: request.capture_method,
                payment_method_token: request.payment_method_token.as_deref(),
            },
            IntentVerb::Capture(request) => {
                Asked::Capture { amount: request.amount, is_final: request.is_final }
            }
            IntentVerb::Void(_) => Asked::Void,
            IntentVerb::Refund(request) => Asked::Refund { amount: request.amount },
            IntentVerb::Cancel { .. } => Asked::Cancel,
        }
    }

    fn key(&self) -> Option<&IdempotencyKey> {
        match &self.verb {
            IntentVerb::Authorize { request, .. } => Some(&request.key),
            IntentVerb::Capture(request) => request.key.as_ref(),
            IntentVerb::Void(request) => request.key.as_ref(),
            IntentVerb::Refund(request) => request.key.as_ref(),
            IntentVerb::Cancel { request, .. } => request.key.as_ref(),
        }
    }
}

/// The text's hash under the salt that its twin has in the store. An erased twin can't be compared
/// any more: its hash stands for whatever is sent.
fn hash_as(text: &AppendText, payment: Option<&Payment>, stored: &[EventText]) -> TextHash {
    let twin = stored.iter().find(|stored| stored.name == text.name);
    let salt = match (twin, payment) {
        (Some(EventText { salt: Some(salt), .. }), _) => *salt,
        (Some(twin), Some(payment)) => {
            return erased_hash(twin, payment).unwrap_or_else(|| hash_text(&text.salt, &text.text));
        }
        _ => text.salt,
    };
    hash_text(&salt, &text.text)
}

fn erased_hash(twin: &EventText, payment: &Payment) -> Option<TextHash> {
    match twin.name {
        TextName::Reference => payment.reference_hash,
        TextName::Metadata => payment.metadata_hash,
        TextName::Reason => {
            let refund = payment.operations.iter().find(|o| o.requested == twin.version);
            refund.and_then(|refund| refund.reason_hash)
        }
    }
}
