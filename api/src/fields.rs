//! The fields of a body: what a route takes, and what each must be.

use std::borrow::Cow;
use std::sync::Arc;

use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::CaptureMethod;
use daybook_engine::printable::printable;

use crate::error::ApiError;
use crate::json::{Json, Members, Number, parse};
use crate::problem::{
    AMOUNT_INVALID, BODY_NOT_OBJECT, CURRENCY_UNKNOWN, FIELD_INVALID, IDEMPOTENCY_KEY_INVALID,
    MERCHANT_ID_INVALID, MISSING_FIELD, Problem, UNKNOWN_FIELD,
};

/// The longest token of a payment method.
pub(crate) const MAX_TOKEN_CHARS: usize = 128;

/// The fields not yet taken. A field that is null counts as absent, an amount excepted.
pub(crate) struct Fields<'a>(Members<'a>);

impl<'a> Fields<'a> {
    /// An empty body is an empty object.
    pub(crate) fn of(body: &'a [u8]) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Ok(Self(Members::new()));
        }
        match parse(body)? {
            Json::Object(members) => Ok(Self(members)),
            other => {
                let detail = format!("the body must be a JSON object, but is {}", other.kind());
                Err(ApiError::new(BODY_NOT_OBJECT, detail))
            }
        }
    }

    /// Of an object within the body.
    pub(crate) const fn within(members: Members<'a>) -> Self {
        Self(members)
    }

    /// Refuses a field that the route doesn't take.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), ApiError> {
        only(&self.0, "", allowed)
    }

    pub(crate) fn key(&mut self) -> Result<Option<IdempotencyKey>, ApiError> {
        let name = "idempotencyKey";
        let Some(text) = self.string(name, IDEMPOTENCY_KEY_INVALID)? else { return Ok(None) };
        let key = IdempotencyKey::parse(&text);
        key.map(Some).map_err(|error| invalid(IDEMPOTENCY_KEY_INVALID, name, &error))
    }

    pub(crate) fn merchant_id(&mut self) -> Result<Option<MerchantId>, ApiError> {
        let name = "merchantId";
        let Some(text) = self.string(name, MERCHANT_ID_INVALID)? else { return Ok(None) };
        let id = MerchantId::parse(&text);
        id.map(Some).map_err(|error| invalid(MERCHANT_ID_INVALID, name, &error))
    }

    pub(crate) fn currency(&mut self) -> Result<Option<Currency>, ApiError> {
        let name = "currency";
        let Some(text) = self.string(name, CURRENCY_UNKNOWN)? else { return Ok(None) };
        Currency::parse(&text).map(Some).map_err(|error| {
            let shown: String = text.chars().take(16).collect();
            invalid(CURRENCY_UNKNOWN, name, &format!("{error}; {shown:?} was sent"))
        })
    }

    pub(crate) fn amount(&mut self) -> Result<Option<Amount>, ApiError> {
        let Some(value) = self.0.remove("amount") else { return Ok(None) };
        let must = |what: &str| invalid(AMOUNT_INVALID, "amount", &format!("must {what}"));
        match value {
            Json::Number(Number::Integer(minor)) => match Amount::new(minor) {
                Ok(amount) => Ok(Some(amount)),
                Err(_) if minor < 0 => Err(must("not be negative")),
                Err(_) if minor == 0 => Err(must("be at least 1 minor unit, not 0")),
                Err(_) => Err(must(&at_most())),
            },
            Json::Number(Number::TooLarge) => Err(must(&at_most())),
            Json::Number(Number::TooSmall) => Err(must("not be negative")),
            Json::Number(Number::Fraction) => {
                Err(must("be a whole number of minor units, without a fraction: 1000"))
            }
            Json::Null => Err(must("be a whole number of minor units, not null")),
            Json::String(_) => Err(must("be a number, not a string: 1000, not \"1000\"")),
            other => {
                Err(must(&format!("be a whole number of minor units, but is {}", other.kind())))
            }
        }
    }

    pub(crate) fn capture_method(&mut self) -> Result<Option<CaptureMethod>, ApiError> {
        let name = "captureMethod";
        match self.string(name, FIELD_INVALID)?.as_deref() {
            None => Ok(None),
            Some("manual") => Ok(Some(CaptureMethod::Manual)),
            Some("automatic") => Ok(Some(CaptureMethod::Automatic)),
            Some(_) => Err(invalid(FIELD_INVALID, name, &"must be \"manual\" or \"automatic\"")),
        }
    }

    /// `paymentMethod: {token}`.
    pub(crate) fn payment_method_token(&mut self) -> Result<Option<Arc<str>>, ApiError> {
        let Some(mut members) = self.object("paymentMethod")? else { return Ok(None) };
        only(&members, "paymentMethod.", &["token"])?;
        let name = "paymentMethod.token";
        let token = string_of(members.remove("token"), name, FIELD_INVALID)?;
        let token = token.ok_or_else(|| missing(name))?;
        printable(&token, MAX_TOKEN_CHARS)
            .map(Some)
            .map_err(|error| invalid(FIELD_INVALID, name, &error))
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, ApiError> {
        match self.0.remove(name) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(value)) => Ok(value),
            Some(other) => {
                let detail = format!("must be true or false, but is {}", other.kind());
                Err(invalid(FIELD_INVALID, name, &detail))
            }
        }
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Members<'a>>, ApiError> {
        match self.0.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(other) => {
                let detail = format!("must be an object, but is {}", other.kind());
                Err(invalid(FIELD_INVALID, name, &detail))
            }
        }
    }

    pub(crate) fn array(&mut self, name: &'static str) -> Result<Option<Vec<Json<'a>>>, ApiError> {
        match self.0.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Array(items)) => Ok(Some(items)),
            Some(other) => {
                let detail = format!("must be an array, but is {}", other.kind());
                Err(invalid(FIELD_INVALID, name, &detail))
            }
        }
    }

    pub(crate) fn string(
        &mut self,
        name: &'static str,
        problem: &'static Problem,
    ) -> Result<Option<Cow<'a, str>>, ApiError> {
        string_of(self.0.remove(name), name, problem)
    }
}

/// The value of a field that has to be there.
pub(crate) fn required<T>(value: Option<T>, name: &'static str) -> Result<T, ApiError> {
    value.ok_or_else(|| missing(name))
}

fn missing(name: &'static str) -> ApiError {
    ApiError::new(MISSING_FIELD, format!("{name} is missing")).field(name)
}

pub(crate) fn string_of<'a>(
    value: Option<Json<'a>>,
    name: &str,
    problem: &'static Problem,
) -> Result<Option<Cow<'a, str>>, ApiError> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => {
            let detail = format!("must be a string, but is {}", other.kind());
            Err(invalid(problem, name, &detail))
        }
    }
}

/// `{name} {what}`.
pub(crate) fn invalid(
    problem: &'static Problem,
    name: &str,
    what: &dyn std::fmt::Display,
) -> ApiError {
    ApiError::new(problem, format!("{name} {what}")).field(name.to_owned())
}

fn only(members: &Members<'_>, prefix: &str, allowed: &[&str]) -> Result<(), ApiError> {
    let Some(unknown) = members.keys().find(|name| !allowed.contains(&name.as_ref())) else {
        return Ok(());
    };
    let shown: String = unknown.chars().take(64).collect();
    let allowed = allowed.join(", ");
    let detail = format!("the field {prefix}{shown:?} is not known; allowed here: {allowed}");
    Err(ApiError::new(UNKNOWN_FIELD, detail).field(format!("{prefix}{shown}")))
}

fn at_most() -> String {
    format!("be at most {} minor units", Amount::MAX)
}
