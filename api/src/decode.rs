//! Requests of the engine, made from bodies and headers.

use daybook_engine::engine::{AuthorizeRequest, CaptureRequest, RefundRequest, VoidRequest};

use crate::call::{Call, Dialect};
use crate::error::ApiError;
use crate::fields::{Fields, required};
use crate::problem::IDEMPOTENCY_KEY_REQUIRED;
use crate::texts;

const MAX_REFERENCE_CHARS: usize = 128;
const MAX_REASON_CHARS: usize = 255;

pub(crate) fn authorize(call: &Call, dialect: Dialect) -> Result<AuthorizeRequest, ApiError> {
    let mut fields = fields(
        call,
        dialect,
        &[
            "merchantId",
            "amount",
            "currency",
            "idempotencyKey",
            "paymentMethod",
            "captureMethod",
            "reference",
            "metadata",
        ],
    )?;
    let mut request = AuthorizeRequest {
        merchant_id: required(fields.merchant_id()?, "merchantId")?,
        amount: required(fields.amount()?, "amount")?,
        currency: required(fields.currency()?, "currency")?,
        key: call.key(&mut fields)?.ok_or_else(key_required)?,
        capture_method: Default::default(),
        payment_method_token: None,
        reference: None,
        metadata: None,
        traceparent: call.traceparent(),
    };
    if dialect == Dialect::V1 {
        request.capture_method = fields.capture_method()?.unwrap_or_default();
        request.payment_method_token = fields.payment_method_token()?;
        request.reference = texts::text(&mut fields, "reference", MAX_REFERENCE_CHARS)?;
        request.metadata = texts::metadata(&mut fields)?;
    }
    Ok(request)
}

pub(crate) fn capture(call: &Call, dialect: Dialect) -> Result<CaptureRequest, ApiError> {
    let payment_id = call.payment_id()?;
    let allowed = ["amount", "final", "idempotencyKey", "merchantId"];
    let mut fields = fields(call, dialect, &allowed)?;
    let is_v1 = dialect == Dialect::V1;
    Ok(CaptureRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        amount: if is_v1 { fields.amount()? } else { None },
        is_final: is_v1 && fields.flag("final")?,
        traceparent: call.traceparent(),
    })
}

pub(crate) fn void(call: &Call) -> Result<VoidRequest, ApiError> {
    let payment_id = call.payment_id()?;
    let mut fields = fields(call, Dialect::V1, &["idempotencyKey", "merchantId"])?;
    Ok(VoidRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        traceparent: call.traceparent(),
    })
}

pub(crate) fn refund(call: &Call, dialect: Dialect) -> Result<RefundRequest, ApiError> {
    let payment_id = call.payment_id()?;
    let allowed = ["amount", "reason", "idempotencyKey", "merchantId"];
    let mut fields = fields(call, dialect, &allowed)?;
    Ok(RefundRequest {
        payment_id,
        merchant_id: fields.merchant_id()?,
        key: call.key(&mut fields)?,
        amount: if dialect == Dialect::V1 { fields.amount()? } else { None },
        reason: texts::text(&mut fields, "reason", MAX_REASON_CHARS)?,
        traceparent: call.traceparent(),
    })
}

/// The body's fields. Version 1 takes no others, and no query; the older routes ignore both.
fn fields<'a>(call: &'a Call, dialect: Dialect, allowed: &[&str]) -> Result<Fields<'a>, ApiError> {
    let fields = Fields::of(&call.body)?;
    if dialect == Dialect::V1 {
        call.query()?.only(&[])?;
        fields.only(allowed)?;
    }
    Ok(fields)
}

fn key_required() -> ApiError {
    let detail = "an authorization needs an idempotency key: send a new one in the header \
                  Idempotency-Key or in idempotencyKey";
    ApiError::new(IDEMPOTENCY_KEY_REQUIRED, detail).field("idempotencyKey")
}
