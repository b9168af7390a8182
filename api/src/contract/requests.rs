//! Bodies of requests.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::examples;
use crate::body::Presence;
use crate::intake::{Body, Field, Need, Others, object};
use crate::route::Route;

/// `None` where the route takes none.
pub(super) fn body(route: Route, generator: &mut SchemaGenerator) -> Option<Value> {
    let intake = route.intake();
    let body = intake.body.as_ref()?;
    let schema = schema(body, intake.others, generator);
    let name = format!("{route:?}Request");
    generator.definitions_mut().insert(name.clone(), schema.into());
    let examples = examples::requests(route).iter().map(|(summary, json)| {
        let name = summary.to_lowercase().replace(' ', "-");
        (name, json!({"summary": summary, "value": examples::read(json)}))
    });
    Some(json!({
        "required": body.presence == Presence::Required,
        "description": format!("At most {} bytes.", body.max_bytes),
        "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{name}")},
            "examples": examples.collect::<Map<_, _>>(),
        }},
    }))
}

/// Where a field needs a key beside it there are two forms: one without the field, and one with both.
fn schema(body: &Body, others: Others, generator: &mut SchemaGenerator) -> Schema {
    let is_bare = |field: &&Field| field.need != Need::WithKey;
    let bare: Vec<Field> = body.fields.iter().filter(is_bare).copied().collect();
    let bare_object = object(&bare, others, generator);
    if bare.len() == body.fields.len() {
        return bare_object;
    }
    let with_key = body.fields.iter().map(|field| {
        let is_needed = field.need == Need::WithKey || field.name == "idempotencyKey";
        if is_needed { Field { need: Need::Required, ..*field } } else { *field }
    });
    let with_key: Vec<Field> = with_key.collect();
    json_schema!({"anyOf": [bare_object, object(&with_key, others, generator)]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::operation;
    use crate::route::ROUTES;

    #[test]
    fn every_post_has_a_body_with_an_example_and_no_get_has_one() {
        for entry in &ROUTES {
            let body = body(entry.route, &mut SchemaGenerator::default());
            let is_post = entry.method == crate::route::Access::Post;
            assert_eq!(body.is_some(), is_post, "{}", operation::name(entry.route));
            assert_eq!(examples::requests(entry.route).is_empty(), !is_post, "{}", entry.path);
        }
    }
}
