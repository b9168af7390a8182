//! The contract as a client holds it: the answers and bodies that it allows.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::client::Response;

/// The document that the code makes; that it is the served one has a test of its own.
pub(crate) fn document() -> &'static Value {
    daybook_api::contract::document()
}

/// Every operation with its path and method.
pub(crate) fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap().iter();
    let of = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    };
    paths.flat_map(of).collect()
}

/// The statuses that an operation documents.
pub(crate) fn statuses(operation: &Value) -> BTreeSet<u16> {
    operation["responses"].as_object().unwrap().keys().map(|key| key.parse().unwrap()).collect()
}

/// The codes that an operation documents for a status.
pub(crate) fn codes(operation: &Value, status: u16) -> BTreeSet<String> {
    let schema = &operation["responses"][status.to_string()]["content"]["application/problem+json"]
        ["schema"];
    let codes = schema["properties"]["code"]["enum"].as_array();
    codes.into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// A validator for a schema of the document.
pub(crate) fn validator(schema: &Value) -> Validator {
    let mut whole = json!({"allOf": [schema]});
    whole["components"] = document()["components"].clone();
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&whole).unwrap_or_else(|error| panic!("{error} in {schema}"))
}

/// Why a value is not valid, each with its place.
pub(crate) fn causes(schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(schema);
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What `value` stands for where it is a reference.
pub(crate) fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => document().pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

/// Holds an answer against what the document says of it.
pub(crate) fn check(operation: &'static Value, answer: &Response) {
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(documented.is_object(), "{} is not documented: {answer:?}", answer.status);
    let media_type = answer.header("content-type").unwrap_or_default();
    let content = &documented["content"][media_type];
    assert!(content.is_object(), "{media_type} is not documented: {answer:?}");
    let body = match media_type.contains("json") {
        true => answer.json(),
        false => json!(answer.body),
    };
    assert_eq!(causes(&content["schema"], &body), Vec::<String>::new(), "{answer:?}");
    let headers = documented["headers"].as_object().unwrap();
    for (name, header) in headers {
        let header = resolved(header);
        match answer.header(name) {
            None => assert_ne!(header["required"], true, "{name} is missing: {answer:?}"),
            Some(text) => {
                let is_number = header["schema"]["type"] == "integer";
                let value =
                    if is_number { json!(text.parse::<u64>().unwrap()) } else { json!(text) };
                assert_eq!(causes(&header["schema"], &value), Vec::<String>::new(), "{name}");
            }
        }
    }
    for known in
        ["idempotency-replayed", "preference-applied", "retry-after", "location", "cache-control"]
    {
        let is_documented = headers.keys().any(|name| name.eq_ignore_ascii_case(known));
        assert!(is_documented || answer.header(known).is_none(), "{known}: {answer:?}");
    }
}
