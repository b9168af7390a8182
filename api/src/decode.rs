//! Requests of the engine, made from bodies and headers.

use std::sync::Arc;

use daybook_engine::engine::{
    AuthorizeRequest, CancelRequest, CaptureRequest, RefundRequest, VoidRequest,
};
use daybook_engine::idempotency::IdempotencyKey;

use crate::call::{Call, Dialect};
use crate::error::ApiError;
use crate::fields::{Fields, required};
use crate::intake::{Others, names};
use crate::problem::IDEMPOTENCY_KEY_REQUIRED;
use crate::texts::{self, MAX_REASON_CHARS, MAX_REFERENCE_CHARS};

/// Whether a request is to be carried out, or only its answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Real,
    DryRun,
}

pub(crate) fn authorize(
    call: &Call,
    dialect: Dialect,
) -> Result<(AuthorizeRequest, Mode), ApiError> {
    let mut fields = fields(call)?;
    let mode = mode(&mut fields, dialect)?;
    let key = |fields: &mut Fields<'_>| call.key(fields);
    Ok((authorization(&mut fields, dialect, key, call.traceparent())?, mode))
}

/// An authorization, whose key is where `key` finds it.
pub(crate) fn authorization(
    fields: &mut Fields<'_>,
    dialect: Dialect,
    key: impl FnOnce(&mut Fields<'_>) -> Result<Option<IdempotencyKey>, ApiError>,
    traceparent: Option<Arc<str>>,
) -> Result<AuthorizeRequest, ApiError> {
    let mut request = AuthorizeRequest {
        merchant_id: required(fields.merchant_id()?, "merchantId")?,
        amount: required(fields.amount()?, "amount")?,
        currency: required(fields.currency()?, "currency")?,
        key: key(fields)?.ok_or_else(key_required)?,
        capture_method: Default::default(),
        payment_method_token: None,
        reference: None,
        metadata: None,
        traceparent,
    };
    if dialect == Dialect::V1 {
        request.capture_method = fields.capture_method()?.unwrap_or_default();
        request.payment_method_token = fields.payment_method_token()?;
        request.reference = texts::text(fields, "reference", MAX_REFERENCE_CHARS)?;
        request.metadata = texts::metadata(fields)?;
    }
    Ok(request)
}

pub(crate) fn capture(call: &Call, dialect: Dialect) -> Result<(CaptureRequest, Mode), ApiError> {
    let payment_id = call.payment_id()?;
    let mut fields = fields(call)?;
    let is_v1 = dialect == Dialect::V1;
    let request = CaptureRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        amount: if is_v1 { fields.amount()? } else { None },
        is_final: is_v1 && fields.flag("final")?,
        traceparent: call.traceparent(),
    };
    Ok((request, mode(&mut fields, dialect)?))
}

pub(crate) fn void(call: &Call) -> Result<(VoidRequest, Mode), ApiError> {
    let payment_id = call.payment_id()?;
    let mut fields = fields(call)?;
    let request = VoidRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        traceparent: call.traceparent(),
    };
    Ok((request, mode(&mut fields, Dialect::V1)?))
}

pub(crate) fn refund(call: &Call, dialect: Dialect) -> Result<(RefundRequest, Mode), ApiError> {
    let payment_id = call.payment_id()?;
    let mut fields = fields(call)?;
    let request = RefundRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        amount: if dialect == Dialect::V1 { fields.amount()? } else { None },
        reason: texts::text(&mut fields, "reason", MAX_REASON_CHARS)?,
        traceparent: call.traceparent(),
    };
    Ok((request, mode(&mut fields, dialect)?))
}

pub(crate) fn cancel(call: &Call) -> Result<(CancelRequest, Mode), ApiError> {
    let payment_id = call.payment_id()?;
    let mut fields = fields(call)?;
    let request = CancelRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        reason: texts::text(&mut fields, "reason", MAX_REASON_CHARS)?,
        traceparent: call.traceparent(),
    };
    Ok((request, mode(&mut fields, Dialect::V1)?))
}

/// The body's fields. Version 1 takes no others, and no query; the older routes ignore both.
pub(crate) fn fields(call: &Call) -> Result<Fields<'_>, ApiError> {
    let fields = Fields::of(&call.body)?;
    let intake = call.route.intake();
    if intake.others == Others::Refused {
        call.query()?;
        fields.only(&names(intake.body.iter().flat_map(|body| body.fields)))?;
    }
    Ok(fields)
}

pub(crate) fn mode(fields: &mut Fields<'_>, dialect: Dialect) -> Result<Mode, ApiError> {
    let is_dry_run = dialect == Dialect::V1 && fields.flag("dryRun")?;
    Ok(if is_dry_run { Mode::DryRun } else { Mode::Real })
}

fn key_required() -> ApiError {
    let detail = "an authorization needs an idempotency key: send a new one in the header \
                  Idempotency-Key or in idempotencyKey";
    ApiError::new(IDEMPOTENCY_KEY_REQUIRED, detail).field("idempotencyKey")
}
