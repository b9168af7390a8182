//! The folder of schemas.

use std::collections::BTreeSet;
use std::path::PathBuf;

use daybook_engine::payment::EventType;
use jsonschema::Validator;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

/// A schema's name: its file's, without the ending.
pub(crate) fn name_of(event_type: EventType) -> String {
    format!("{}.v{}", event_type.as_str(), event_type.schema_version())
}

/// The names of every schema there is.
pub(crate) fn file_names() -> BTreeSet<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let schemas = names.filter(|name| name != "README.md");
    schemas.map(|name| name.strip_suffix(".json").unwrap_or(&name).to_owned()).collect()
}

pub(crate) fn schema(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn validator(name: &str) -> Validator {
    let schema = schema(name);
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|e| panic!("{name}: {e}"));
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Why a value is not valid, each with its place.
pub(crate) fn causes(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}
