//! The parameters of query strings.

use daybook_engine::clock::Date;
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::PaymentId;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_projections::views::MAX_LIMIT;
use daybook_projections::views::list::{Domain, List};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Shape, typed};
use crate::problem::{
    CURRENCY_UNKNOWN, CURSOR_INVALID, IDEMPOTENCY_KEY_INVALID, MERCHANT_ID_INVALID,
    PARAMETER_INVALID, POSITION_UNKNOWN, Problem, VIEWS_BEHIND,
};
use crate::query::{DEFAULT_LIMIT, MAX_METADATA};

/// A parameter of a route that is no list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) is_required: bool,
    pub(crate) shape: Shape,
    /// Of a value that is not valid.
    pub(crate) problem: &'static Problem,
}

impl Parameter {
    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }
}

pub(super) const MERCHANT_ID: Parameter = Parameter {
    name: "merchantId",
    about: "Only this merchant's; another merchant's payment is answered 404.",
    is_required: false,
    shape: typed::<MerchantId>,
    problem: MERCHANT_ID_INVALID,
};

pub(super) const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "idempotencyKey",
    about: "The key that the payment was created under; those of later operations are not looked up.",
    is_required: false,
    shape: typed::<IdempotencyKey>,
    problem: IDEMPOTENCY_KEY_INVALID,
};

/// Postgres takes no text with it.
const NO_ZERO: &str = "^[^\\u0000]*$";

/// A parameter of a list, with its schema.
pub(crate) struct ListParameter {
    pub(crate) name: &'static str,
    pub(crate) about: String,
    pub(crate) schema: Schema,
}

/// All that a list takes, in the order of its table.
pub(crate) fn of_list(list: &List, generator: &mut SchemaGenerator) -> Vec<ListParameter> {
    let mut parameters: Vec<ListParameter> = Vec::new();
    for filter in list.filters {
        parameters.push(ListParameter {
            name: filter.name,
            about: format!("{}.", filter.about()),
            schema: of_domain(filter.domain, generator),
        });
    }
    if list.has_texts {
        parameters.push(ListParameter {
            name: "reference",
            about: "Only what belongs to payments with this reference.".to_owned(),
            schema: json_schema!({"type": "string", "minLength": 1, "pattern": NO_ZERO}),
        });
        // An object in the query is its properties, each a parameter of its own: OpenAPI's default style.
        parameters.push(ListParameter {
            name: "metadata",
            about: "Parameters `metadata.NAME=VALUE`: only what belongs to payments that have each of these pairs."
                .to_owned(),
            schema: json_schema!({
                "type": "object",
                "maxProperties": MAX_METADATA,
                "propertyNames": {"pattern": "^metadata\\.[^\\u0000]+$"},
                "additionalProperties": {"type": "string", "pattern": NO_ZERO},
                "examples": [{"metadata.channel": "web"}],
            }),
        });
    }
    let of_pages = [
        (
            "sort",
            "The order; with `-` before it, the opposite.",
            json_schema!({"type": "string", "enum": list.sorts(), "default": list.sorts().first()}),
        ),
        (
            "limit",
            "How many items a page has at most; in CSV all rows come where it is left out.",
            json_schema!({
                "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT,
            }),
        ),
        (
            "cursor",
            "`nextCursor` of the page before, of the same query, unchanged. Opaque.",
            json_schema!({"type": "string"}),
        ),
        (
            "minPosition",
            "A payment's `position`: the answer waits until the view has got there, as long as `Prefer: wait=N` says.",
            json_schema!({
                "type": "string", "pattern": "^(0|[1-9][0-9]{0,3}):(0|[1-9][0-9]{0,17})$",
            }),
        ),
    ];
    parameters.extend(of_pages.map(|(name, about, schema)| ListParameter {
        name,
        about: about.to_owned(),
        schema,
    }));
    parameters
}

/// What any list refuses of its parameters.
pub(crate) const OF_LISTS: [&Problem; 6] = [
    MERCHANT_ID_INVALID,
    CURRENCY_UNKNOWN,
    PARAMETER_INVALID,
    CURSOR_INVALID,
    POSITION_UNKNOWN,
    VIEWS_BEHIND,
];

fn of_domain(domain: Domain, generator: &mut SchemaGenerator) -> Schema {
    match domain {
        Domain::Merchant => typed::<MerchantId>(generator),
        Domain::Currency => typed::<Currency>(generator),
        Domain::Amount => {
            json_schema!({"type": "integer", "format": "int64", "minimum": 0, "maximum": Amount::MAX})
        }
        Domain::Sum => json_schema!({"type": "integer", "format": "int64"}),
        Domain::Count => json_schema!({"type": "integer", "format": "int64", "minimum": 0}),
        // In any offset, which answers are never written with.
        Domain::Time => json_schema!({"type": "string", "format": "date-time"}),
        Domain::Day => typed::<Date>(generator),
        Domain::Id => typed::<PaymentId>(generator),
        closed => json_schema!({"type": "string", "enum": closed.names()}),
    }
}
