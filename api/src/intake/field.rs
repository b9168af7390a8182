//! The fields of bodies.

use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::CaptureMethod;
use schemars::json_schema;

use super::{AUTHORIZATION, Others, Shape, object, typed};
use crate::batch::MAX_ITEMS;
use crate::fields::MAX_TOKEN_CHARS;
use crate::problem::{
    AMOUNT_INVALID, CURRENCY_UNKNOWN, FIELD_INVALID, IDEMPOTENCY_KEY_INVALID, MERCHANT_ID_INVALID,
    MISSING_FIELD, Problem, UNKNOWN_FIELD,
};
use crate::texts::{
    MAX_NAME_CHARS, MAX_PAIRS, MAX_REASON_CHARS, MAX_REFERENCE_CHARS, MAX_VALUE_CHARS,
};

/// Texts for people: anything but control characters.
const NO_CONTROLS: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// Names and tokens for machines.
const PRINTABLE: &str = "^[ -~]+$";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: Shape,
    /// Of a value that is not valid.
    pub(crate) problems: &'static [&'static Problem],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    /// Null counts as absent.
    Optional,
    /// May be left out, and where it stands the request needs a key; it may not be null.
    WithKey,
}

impl Field {
    pub(super) const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    pub(super) const fn with_key(self) -> Self {
        Self { need: Need::WithKey, ..self }
    }
}

const fn field(
    name: &'static str,
    about: &'static str,
    shape: Shape,
    problems: &'static [&'static Problem],
) -> Field {
    Field { name, about, need: Need::Optional, shape, problems }
}

pub(super) const MERCHANT_ID: Field = field(
    "merchantId",
    "Whose payment it is; another merchant's is answered 404.",
    typed::<MerchantId>,
    &[MERCHANT_ID_INVALID],
);

pub(super) const AMOUNT: Field = field(
    "amount",
    "In minor units of the payment's currency, without a fraction: 1000 in EUR is ten euros.",
    |_| json_schema!({"type": "integer", "format": "int64", "minimum": 1, "maximum": Amount::MAX}),
    &[AMOUNT_INVALID],
);

pub(super) const CURRENCY: Field =
    field("currency", "ISO 4217.", typed::<Currency>, &[CURRENCY_UNKNOWN]);

pub(super) const IDEMPOTENCY_KEY: Field = field(
    "idempotencyKey",
    "New for a new request, the same with every repeat of it; unique per merchant for authorizations, per payment \
     for everything else. May be sent in the header Idempotency-Key instead.",
    typed::<IdempotencyKey>,
    &[IDEMPOTENCY_KEY_INVALID],
);

pub(super) const PAYMENT_METHOD: Field = field(
    "paymentMethod",
    "What is paid with.",
    |_| {
        json_schema!({
            "type": "object",
            "properties": {
                "token": {
                    "description": "The acquirer's token of a card.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_TOKEN_CHARS,
                    "pattern": PRINTABLE,
                },
            },
            "required": ["token"],
            "additionalProperties": false,
        })
    },
    &[FIELD_INVALID, MISSING_FIELD, UNKNOWN_FIELD],
);

pub(super) const CAPTURE_METHOD: Field = field(
    "captureMethod",
    "`automatic` is a sale: what is approved is captured at once.",
    typed::<CaptureMethod>,
    &[FIELD_INVALID],
);

pub(super) const REFERENCE: Field = field(
    "reference",
    "The client's own name for the payment, without control characters; erasable.",
    |_| {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_REFERENCE_CHARS, "pattern": NO_CONTROLS,
        })
    },
    &[FIELD_INVALID],
);

pub(super) const METADATA: Field = field(
    "metadata",
    "The client's own pairs of texts, without control characters; erasable.",
    |_| {
        json_schema!({
            "type": "object",
            "maxProperties": MAX_PAIRS,
            "propertyNames": {
                "type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS, "pattern": NO_CONTROLS,
            },
            "additionalProperties": {
                "type": "string", "maxLength": MAX_VALUE_CHARS, "pattern": NO_CONTROLS,
            },
        })
    },
    &[FIELD_INVALID],
);

pub(super) const FINAL: Field = field(
    "final",
    "Whether it is the last capture: its success releases what is left.",
    |_| json_schema!({"type": "boolean", "default": false}),
    &[FIELD_INVALID],
);

pub(super) const DRY_RUN: Field = field(
    "dryRun",
    "Whether only the answer is wanted: nothing is written, no acquirer is called, and no key is used.",
    |_| json_schema!({"type": "boolean", "default": false}),
    &[FIELD_INVALID],
);

/// The name of an item's schema.
const BATCH_AUTHORIZATION: &str = "BatchAuthorization";

pub(super) const ITEMS: Field = field(
    "items",
    "Authorizations, each with its own key; one never fails another. What is no authorization comes to a problem of \
     its own, so the list may hold anything.",
    |generator| {
        let authorization = object(AUTHORIZATION, Others::Refused, generator);
        generator.definitions_mut().insert(BATCH_AUTHORIZATION.to_owned(), authorization.into());
        let authorization = format!("#/components/schemas/{BATCH_AUTHORIZATION}");
        json_schema!({
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ITEMS,
            "items": {"anyOf": [{"$ref": authorization}, {}]},
        })
    },
    &[FIELD_INVALID],
);

pub(super) const REASON: Field = field(
    "reason",
    "Why it is refunded, without control characters; erasable.",
    |_| {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": MAX_REASON_CHARS, "pattern": NO_CONTROLS,
        })
    },
    &[FIELD_INVALID],
);
