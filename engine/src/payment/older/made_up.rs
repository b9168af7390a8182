//! A version before the first, made up for tests: authorizations as they would have been before
//! there were sales.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::OlderEvent;
use crate::clock::Timestamp;
use crate::idempotency::{Request, TextHash};
use crate::ids::OperationId;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::event::{self, Event, EventType, Header, SchemaVersion};
use crate::payment::operation::CaptureMethod;

/// `payment.authorization_requested` without `captureMethod`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuthorizationRequested {
    v: SchemaVersion<0>,
    at: Timestamp,
    merchant_id: MerchantId,
    currency: Currency,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    operation_id: Option<OperationId>,
    amount: Amount,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    payment_method_token: Option<Arc<str>>,
    request: Request,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    reference_hash: Option<TextHash>,
    #[serde(deserialize_with = "Deserialize::deserialize")]
    metadata_hash: Option<TextHash>,
    send_before: Timestamp,
}

impl OlderEvent for AuthorizationRequested {
    const TYPE: EventType = EventType::AuthorizationRequested;
    const VERSION: u64 = 0;

    fn upcast(self) -> Event {
        let header = Header {
            at: self.at,
            merchant_id: self.merchant_id,
            currency: self.currency,
            operation_id: self.operation_id,
        };
        let body = event::AuthorizationRequested {
            amount: self.amount,
            capture_method: CaptureMethod::Manual,
            payment_method_token: self.payment_method_token,
            request: self.request,
            reference_hash: self.reference_hash,
            metadata_hash: self.metadata_hash,
            send_before: self.send_before,
        };
        Event { header, body: body.into() }
    }
}

/// The data of today's `payment.authorization_requested` as a build of version 0 would have written
/// it; `None` where that could not be: for other types, and for sales.
#[must_use]
pub fn as_version_0(data: &str) -> Option<String> {
    let rest = data.strip_prefix(r#"{"v":1,"#)?;
    let without = rest.replacen(r#""captureMethod":"manual","#, "", 1);
    (without.len() < rest.len()).then(|| format!(r#"{{"v":0,{without}"#))
}
