//! A request whose route is known and whose body is read.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::PaymentId;
use daybook_engine::merchant::MerchantId;
use hyper::http::request::Parts;

use crate::error::ApiError;
use crate::fields::Fields;
use crate::headers::{self, IDEMPOTENCY_KEY, Waiting};
use crate::limits::Limits;
use crate::problem::{IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_MISMATCH, PAYMENT_NOT_FOUND};
use crate::query::Query;
use crate::route::Route;

/// Which set of routes: they differ in strictness, statuses and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    V1,
    Older,
}

/// What a handler is given.
pub(crate) struct Call {
    pub(crate) route: Route,
    /// From the path; `None` too where the path's id can't be one.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

impl Call {
    /// # Errors
    /// 404 where the path's id can't be a payment's.
    pub(crate) fn payment_id(&self) -> Result<PaymentId, ApiError> {
        self.payment_id.ok_or_else(|| {
            let detail = "no such payment: the id in the path is not a UUID of 36 characters";
            ApiError::new(PAYMENT_NOT_FOUND, detail)
        })
    }

    /// # Errors
    /// 400 where it can't be read, or has a parameter that the route doesn't take.
    pub(crate) fn query(&self) -> Result<Query<'_>, ApiError> {
        let query = Query::parse(self.parts.uri.query().unwrap_or_default())?;
        let intake = self.route.intake();
        // What a list takes is looked through with its page.
        if intake.list.is_none() {
            let declared = intake.parameters.iter();
            query.only(&declared.map(|parameter| parameter.name).collect::<Vec<_>>())?;
        }
        Ok(query)
    }

    pub(crate) fn traceparent(&self) -> Option<Arc<str>> {
        headers::traceparent(&self.parts.headers)
    }

    pub(crate) fn waiting(&self, dialect: Dialect, limits: &Limits) -> Waiting {
        match dialect {
            Dialect::V1 => Waiting::preferred(&self.parts.headers, limits),
            Dialect::Older => Waiting::unasked(limits.default_wait),
        }
    }

    /// The idempotency key of header or body, which must not differ.
    pub(crate) fn key(&self, fields: &mut Fields<'_>) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut key = fields.key()?;
        for value in self.parts.headers.get_all(IDEMPOTENCY_KEY) {
            let text = String::from_utf8_lossy(value.as_bytes());
            let sent = IdempotencyKey::parse(&text).map_err(|error| {
                let detail = format!("the header Idempotency-Key {error}");
                ApiError::new(IDEMPOTENCY_KEY_INVALID, detail).field("Idempotency-Key")
            })?;
            if key.as_ref().is_some_and(|known| *known != sent) {
                let detail = "the request carries two different idempotency keys: \
                              send one, in the header Idempotency-Key or in idempotencyKey";
                return Err(ApiError::new(IDEMPOTENCY_KEY_MISMATCH, detail).field("idempotencyKey"));
            }
            key = Some(sent);
        }
        Ok(key)
    }

    /// The merchant of the query, on reads.
    pub(crate) fn only_merchant(&self) -> Result<Option<MerchantId>, ApiError> {
        self.query()?.merchant_id()
    }
}

/// Cut for messages.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
