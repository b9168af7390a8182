//! The OpenAPI document as a whole.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation;
use crate::problem;
use crate::route::ROUTES;

const DESCRIPTION: &str = "\
Authorize, capture, void and refund card payments over an append-only double-entry ledger.

Amounts are integer minor units: 1000 in EUR is ten euros. Times are RFC 3339 in UTC with milliseconds.

**Keys.** An idempotency key makes a request safe to repeat: every repeat gets the first answer again, with \
`Idempotency-Replayed: true`. It stands in the body (`idempotencyKey`) or in the header `Idempotency-Key`; in both it \
must be the same. This document asks for it in the body, because OpenAPI has no way to say \"here or there\".

**Errors** are RFC 9457 problem details with a stable `code`. 400 means that the request contradicts this document. An \
answer with `Retry-After` may be had later by the same request with the same key.

**Who may call.** Daybook asks nobody who they are: whoever reaches its port may do everything, for every merchant. Its \
address is loopback unless it is set; put what authenticates in front of it. `merchantId` in a request holds it to one \
merchant's payments.

GET is answered for HEAD too, without the body, and every path answers OPTIONS with its methods in `Allow`.";

pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings =
        settings.with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let paths = paths(&mut generator);
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Daybook",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "security": [],
        "tags": tags(),
        "paths": paths,
        "components": {
            "parameters": operation::header_parameters(),
            "headers": operation::answer_headers(),
            "schemas": generator.take_definitions(true),
        },
        "x-problems": problem::ALL.iter().map(|problem| json!({
            "code": problem.code,
            "status": problem.status,
            "title": problem.title,
            "retry": problem.retry.advice(),
            "remedy": problem.remedy,
        })).collect::<Vec<_>>(),
    });
    unlink(&mut document);
    document
}

fn tags() -> Value {
    json!([
        {"name": "Payments", "description": "The money verbs, and one payment read from the ledger."},
        {"name": "Lists", "description": "Pages of the views. Each says how far it is behind the ledger (`asOf`)."},
        {"name": "Older routes", "description": "For clients of old: whole amounts, every success is 200, and fields \
            that are not known are ignored."},
        {"name": "Platform", "description": "Health, readiness, metrics, and this contract."},
    ])
}

fn paths(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut paths = Map::new();
    for entry in &ROUTES {
        let path = paths.entry(entry.path).or_insert_with(|| json!({}));
        path[entry.method.name().to_lowercase()] = operation::operation(entry, generator);
    }
    paths
}

/// Descriptions come from the types' comments, whose links lead nowhere outside the code.
fn unlink(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            members.values_mut().for_each(unlink);
        }
        Value::Array(items) => items.iter_mut().for_each(unlink),
        _ => {}
    }
}
