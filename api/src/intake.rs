//! What each route takes, declared once: the decoder refuses every other parameter and field, and the contract
//! lists exactly these.

mod field;
mod parameter;

pub(crate) use field::{Field, Need};
pub(crate) use parameter::{OF_LISTS, Parameter, of_list};

use daybook_projections::views::list::List;
use daybook_projections::views::{balances, journal, operations, payments, refunds, settlements};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Map;

use crate::batch;
use crate::body::{self, Presence};
use crate::route::Route;

/// How a value looks, as JSON Schema.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a route takes besides the headers.
#[derive(Debug)]
pub(crate) struct Intake {
    /// Of the query.
    pub(crate) parameters: &'static [Parameter],
    /// A list takes its filters, orders and pages besides.
    pub(crate) list: Option<&'static List>,
    pub(crate) body: Option<Body>,
    pub(crate) others: Others,
}

/// A JSON object.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) presence: Presence,
    pub(crate) max_bytes: usize,
    pub(crate) fields: &'static [Field],
}

/// What becomes of parameters and fields that are not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Refused,
    Ignored,
}

impl Route {
    pub(crate) const fn intake(self) -> &'static Intake {
        match self {
            Self::Authorize => &AUTHORIZE,
            Self::Capture => &CAPTURE,
            Self::Void => &VOID,
            Self::Refund => &REFUND,
            Self::Cancel => &CANCEL,
            Self::AuthorizeBatch => &AUTHORIZE_BATCH,
            Self::Payment | Self::Events => &ONE_PAYMENT,
            Self::Lookup => &LOOKUP,
            Self::Payments => &PAYMENTS,
            Self::Settlements => &SETTLEMENTS,
            Self::SettlementLines => &SETTLEMENT_LINES,
            Self::Refunds => &REFUNDS,
            Self::Balances => &BALANCES,
            Self::Operations => &OPERATIONS,
            Self::Journal => &JOURNAL,
            Self::OlderAuthorize => &OLDER_AUTHORIZE,
            Self::OlderCapture => &OLDER_CAPTURE,
            Self::OlderRefund => &OLDER_REFUND,
            Self::Health | Self::Readiness | Self::Metrics | Self::Contract | Self::Docs => {
                &NOTHING
            }
        }
    }
}

/// An authorization's fields; the last is no item's of a batch, but the batch's own.
static AUTHORIZATION_ALONE: [Field; 9] = [
    field::MERCHANT_ID.required(),
    field::AMOUNT.required(),
    field::CURRENCY.required(),
    field::IDEMPOTENCY_KEY.required(),
    field::PAYMENT_METHOD,
    field::CAPTURE_METHOD,
    field::REFERENCE,
    field::METADATA,
    field::DRY_RUN,
];

/// Of an authorization as an item of a batch.
pub(crate) static AUTHORIZATION: &[Field] = {
    let [item @ .., _] = &AUTHORIZATION_ALONE;
    item
};

static AUTHORIZE: Intake = Intake::body(Presence::Required, &AUTHORIZATION_ALONE);

static AUTHORIZE_BATCH: Intake = Intake {
    parameters: &[],
    list: None,
    body: Some(Body {
        presence: Presence::Required,
        max_bytes: batch::MAX_BYTES,
        fields: &[field::ITEMS.required(), field::DRY_RUN],
    }),
    others: Others::Refused,
};

static CAPTURE: Intake = Intake::body(
    Presence::Optional,
    &[
        field::AMOUNT.with_key(),
        field::FINAL,
        field::IDEMPOTENCY_KEY,
        field::MERCHANT_ID,
        field::DRY_RUN,
    ],
);

static VOID: Intake =
    Intake::body(Presence::Optional, &[field::IDEMPOTENCY_KEY, field::MERCHANT_ID, field::DRY_RUN]);

static REFUND: Intake = Intake::body(
    Presence::Optional,
    &[
        field::AMOUNT.with_key(),
        field::REASON,
        field::IDEMPOTENCY_KEY,
        field::MERCHANT_ID,
        field::DRY_RUN,
    ],
);

static CANCEL: Intake = Intake::body(
    Presence::Optional,
    &[field::REASON, field::IDEMPOTENCY_KEY, field::MERCHANT_ID, field::DRY_RUN],
);

static OLDER_AUTHORIZE: Intake = Intake::older(
    Presence::Required,
    &[
        field::MERCHANT_ID.required(),
        field::AMOUNT.required(),
        field::CURRENCY.required(),
        field::IDEMPOTENCY_KEY.required(),
    ],
);

static OLDER_CAPTURE: Intake =
    Intake::older(Presence::Optional, &[field::MERCHANT_ID, field::IDEMPOTENCY_KEY]);

static OLDER_REFUND: Intake =
    Intake::older(Presence::Optional, &[field::MERCHANT_ID, field::REASON, field::IDEMPOTENCY_KEY]);

static ONE_PAYMENT: Intake = Intake::query(&[parameter::MERCHANT_ID]);

static LOOKUP: Intake =
    Intake::query(&[parameter::MERCHANT_ID.required(), parameter::IDEMPOTENCY_KEY.required()]);

static PAYMENTS: Intake = Intake::list(&payments::LIST);
static SETTLEMENTS: Intake = Intake::list(&settlements::LIST);
static SETTLEMENT_LINES: Intake = Intake::list(&settlements::LINES);
static REFUNDS: Intake = Intake::list(&refunds::LIST);
static BALANCES: Intake = Intake::list(&balances::LIST);
static OPERATIONS: Intake = Intake::list(&operations::LIST);
static JOURNAL: Intake = Intake::list(&journal::LIST);

/// The platform's probes add parameters of their own, which mean nothing here.
static NOTHING: Intake =
    Intake { parameters: &[], list: None, body: None, others: Others::Ignored };

impl Intake {
    const fn query(parameters: &'static [Parameter]) -> Self {
        Self { parameters, list: None, body: None, others: Others::Refused }
    }

    const fn list(list: &'static List) -> Self {
        Self { list: Some(list), ..Self::query(&[]) }
    }

    const fn body(presence: Presence, fields: &'static [Field]) -> Self {
        let body = Body { presence, max_bytes: body::MAX_BYTES, fields };
        Self { parameters: &[], list: None, body: Some(body), others: Others::Refused }
    }

    const fn older(presence: Presence, fields: &'static [Field]) -> Self {
        Self { others: Others::Ignored, ..Self::body(presence, fields) }
    }
}

/// The names of fields.
pub(crate) fn names<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<&'static str> {
    fields.into_iter().map(|field| field.name).collect()
}

/// The schema of a type, by reference where it has a name.
pub(crate) fn typed<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// An object of these fields.
pub(crate) fn object(fields: &[Field], others: Others, generator: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    for field in fields {
        let shape = (field.shape)(generator);
        let mut shape = match field.need {
            Need::Optional => json_schema!({"anyOf": [shape, {"type": "null"}]}),
            Need::Required | Need::WithKey => shape,
        };
        shape.insert("description".to_owned(), field.about.into());
        properties.insert(field.name.to_owned(), shape.into());
    }
    let required = fields.iter().filter(|field| field.need == Need::Required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": others == Others::Ignored,
    })
}
