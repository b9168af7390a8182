//! One route as the document has it.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::answers::{Answer, Header};
use super::{examples, problems, requests};
use crate::error::ProblemBody;
use crate::intake::{Others, of_list};
use crate::problem::Problem;
use crate::route::{Access, Entry, Route};

pub(super) fn operation(entry: &Entry, generator: &mut SchemaGenerator) -> Value {
    let route = entry.route;
    let mut operation = json!({
        "operationId": name(route),
        "summary": entry.summary,
        "tags": [tag(entry)],
        "parameters": parameters(entry, generator),
        "responses": responses(entry, generator),
    });
    if let Some(body) = requests::body(route, generator) {
        operation["requestBody"] = body;
    }
    operation
}

/// `olderCapture`, as no other route is called.
pub(super) fn name(route: Route) -> String {
    let name = format!("{route:?}");
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_lowercase())
}

fn tag(entry: &Entry) -> &'static str {
    let is_list = entry.route.intake().list.is_some();
    match entry.path {
        path if path.starts_with("/api/v1/") && is_list => "Lists",
        path if path.starts_with("/api/v1/") => "Payments",
        path if path.starts_with("/api/") => "Older routes",
        _ => "Platform",
    }
}

/// The request headers that mean something, each at its place in the components.
pub(super) fn header_parameters() -> Value {
    let header = |name: &str, about: &str, example: &str| {
        json!({
            "name": name, "in": "header", "description": about, "schema": {"type": "string"}, "example": example,
        })
    };
    json!({
        "RequestId": header(
            "X-Request-Id",
            "The client's own name for the request, 1 to 128 visible ASCII characters; anything else is replaced. \
             The answer and the log have it.",
            "req-4711",
        ),
        "Traceparent": header(
            "traceparent",
            "W3C trace context: stored with the events that the request causes. Ignored where it is not valid.",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        "Prefer": header(
            "Prefer",
            "`wait=N` waits up to N seconds, at most 30, for the outcome (RFC 7240). What can't be read is ignored.",
            "wait=0",
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "In place of the body's `idempotencyKey`, on every POST but the batch. No route lists it, because one that is sent makes \
             the body's needless, which OpenAPI can't say.",
            "order-4711",
        ),
    })
}

/// The headers of answers, each at its places in the components: one for answers that always have it, one for those
/// that may.
pub(super) fn answer_headers() -> Value {
    let mut headers = Map::new();
    for header in Header::ALL {
        for is_required in [true, false] {
            let mut described = header.described();
            described["required"] = is_required.into();
            headers.insert(place(header, is_required), described);
        }
    }
    headers.into()
}

fn place(header: Header, is_required: bool) -> String {
    format!("{}{}", header.name(), if is_required { "" } else { ".optional" })
}

fn parameters(entry: &Entry, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    if entry.path.contains("{id}") {
        let schema = generator.subschema_for::<daybook_engine::ids::PaymentId>();
        parameters.push(json!({
            "name": "id", "in": "path", "required": true,
            "description": "The payment's `paymentId`.",
            "schema": schema, "example": examples::PAYMENT_ID,
        }));
    }
    for parameter in entry.route.intake().parameters {
        parameters.push(json!({
            "name": parameter.name, "in": "query", "required": parameter.is_required,
            "description": parameter.about,
            "schema": (parameter.shape)(generator),
        }));
    }
    let intake = entry.route.intake();
    for parameter in intake.list.iter().flat_map(|list| of_list(list, generator)) {
        parameters.push(json!({
            "name": parameter.name, "in": "query",
            "description": parameter.about, "schema": parameter.schema,
        }));
    }
    let is_v1 = entry.route.intake().others == Others::Refused;
    let takes_body = entry.method == Access::Post;
    for (name, is_taken) in [
        ("Prefer", is_v1 && (takes_body || intake.list.is_some())),
        ("Traceparent", takes_body),
        ("RequestId", true),
    ] {
        if is_taken {
            parameters.push(json!({"$ref": format!("#/components/parameters/{name}")}));
        }
    }
    parameters
}

fn responses(entry: &Entry, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in entry.route.answers() {
        responses.insert(answer.status.to_string(), success(answer, generator));
    }
    let problems = problems::of(entry.route);
    let mut statuses: Vec<_> = problems.iter().map(|problem| problem.status).collect();
    statuses.dedup();
    for status in statuses {
        let of_status: Vec<_> =
            problems.iter().copied().filter(|problem| problem.status == status).collect();
        let refusal = refusal(status, &of_status, generator);
        // Readiness has two bodies for 503: its own, and the one of a process at its bound.
        match responses.entry(status.to_string()) {
            serde_json::map::Entry::Vacant(vacant) => {
                vacant.insert(refusal);
            }
            serde_json::map::Entry::Occupied(mut known) => {
                known.get_mut()["content"][PROBLEM_JSON] = refusal["content"][PROBLEM_JSON].clone();
            }
        }
    }
    responses.into()
}

fn success(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let mut content = json!({"schema": (answer.shape)(generator)});
    if let Some(example) = answer.example {
        content["example"] = examples::read(example);
    }
    let mut response = json!({
        "description": answer.about,
        "headers": headers(answer.headers, |header| header.is_always() && answer.status != 503),
        "content": {answer.media_type: content},
    });
    if let Some(columns) = answer.csv {
        let schema = json!({"type": "string"});
        response["content"]["text/csv"] = json!({"schema": schema, "example": columns()});
    }
    if !answer.leads_to.is_empty() {
        let link = |route: &Route| {
            let to = json!({"operationId": name(*route), "parameters": {"id": "$response.body#/paymentId"}});
            (name(*route), to)
        };
        response["links"] = answer.leads_to.iter().map(link).collect::<Map<_, _>>().into();
    }
    response
}

const PROBLEM_JSON: &str = "application/problem+json";

fn refusal(status: u16, problems: &[&'static Problem], generator: &mut SchemaGenerator) -> Value {
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    let lines = problems.iter().map(|problem| format!("- `{}`: {}.", problem.code, problem.title));
    let is_repeated = |problem: &&'static Problem| problem.retry.says_when();
    let mut with = vec![Header::RequestId, Header::CacheControl];
    if problems.iter().any(is_repeated) {
        with.push(Header::RetryAfter);
    }
    let is_always_repeated = problems.iter().all(is_repeated);
    let is_required = |header| match header {
        Header::RetryAfter => is_always_repeated,
        // A connection that is refused is answered before anything is known of it.
        _ => status != 503,
    };
    json!({
        "description": lines.collect::<Vec<_>>().join("\n"),
        "headers": headers(&with, is_required),
        "content": {PROBLEM_JSON: {
            "schema": {
                "allOf": [generator.subschema_for::<ProblemBody<'static>>()],
                "properties": {"status": {"const": status}, "code": {"enum": codes}},
            },
            "example": problems.first().map(|problem| examples::problem(problem)),
        }},
    })
}

fn headers(of: &[Header], is_required: impl Fn(Header) -> bool) -> Value {
    let refer = |header: &Header| {
        let place = place(*header, is_required(*header));
        (header.name().to_owned(), json!({"$ref": format!("#/components/headers/{place}")}))
    };
    of.iter().map(refer).collect::<Map<_, _>>().into()
}
