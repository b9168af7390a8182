//! The contract against the answers.
//!
//! For every status that a route documents there is a way to provoke it; each answer so got is held against the schema
//! and the headers that the document has for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::contract::errors_page;
use daybook_api::route::{Access, Entry, ROUTES, Route};
use daybook_api::{Api, Probe, ViewLag};
use daybook_engine::engine::EngineError;
use daybook_engine::ids::Partition;
use daybook_engine::payment::Rejection;
use daybook_projections::ViewError;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::client::{Client, Response, post, request};
use crate::document::*;
use crate::fixture::{AUTHORIZE, Served, serve, serve_with};
use crate::lists::serve_views;
use crate::stand_in::{PAYMENT_ID, Script, payment_id};

fn operation(entry: &Entry) -> &'static Value {
    &document()["paths"][entry.path][method(entry).to_lowercase()]
}

fn method(entry: &Entry) -> &'static str {
    if entry.method == Access::Get { "GET" } else { "POST" }
}

fn path(entry: &Entry) -> String {
    let path = entry.path.replace("{id}", PAYMENT_ID);
    let is_lookup = entry.route == Route::Lookup;
    if is_lookup { path + "?merchantId=shop-1&idempotencyKey=k-1" } else { path }
}

/// The route's path with one parameter more.
fn path_with(entry: &Entry, parameter: &str) -> String {
    let path = path(entry);
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{parameter}")
}

static BATCH: LazyLock<String> = LazyLock::new(|| format!(r#"{{"items":[{AUTHORIZE}]}}"#));

fn body(entry: &Entry) -> &'static str {
    match entry.route {
        Route::Authorize | Route::OlderAuthorize => AUTHORIZE,
        Route::AuthorizeBatch => &BATCH,
        _ if entry.method == Access::Post => "{}",
        _ => "",
    }
}

async fn ask(served: &Served, entry: &Entry) -> Response {
    let (path, body) = (path(entry), body(entry));
    let headers = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    let request =
        request(method(entry), &path, &format!("{headers}prefer: wait=1\r\n"), body.as_bytes());
    served.send(&request).await
}

/// A served API on which the route succeeds.
async fn ready(entry: &Entry) -> Served {
    let served =
        if is_list(entry) { serve_views(None).await.0 } else { serve(Script::Approve).await };
    let needs_payment = entry.path.contains("{id}") || entry.route == Route::Lookup;
    if needs_payment {
        assert_eq!(served.authorize().await.status, 201);
    }
    if matches!(entry.route, Route::Refund | Route::OlderRefund) {
        assert_eq!(served.post_to_payment("/captures", "").await.status, 200);
    }
    served
}

fn is_list(entry: &Entry) -> bool {
    codes(operation(entry), 503).contains("VIEWS_NOT_SERVED")
}

struct Broken;

#[async_trait]
impl ViewLag for Broken {
    async fn lag(&self, _: &[(Partition, u64)]) -> Option<Duration> {
        panic!("as scripted")
    }
}

#[async_trait]
impl Probe for Broken {
    fn name(&self) -> &str {
        panic!("as scripted")
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Collector for Broken {
    fn encode(&self, _: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broken")
    }
}

struct Unready;

#[async_trait]
impl Probe for Unready {
    fn name(&self) -> &str {
        "ledger"
    }

    async fn check(&self) -> Result<(), String> {
        Err("connection refused".to_owned())
    }
}

/// Every part that can break does.
fn broken(api: &mut Api) {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Broken));
    api.registry = Arc::new(registry);
    api.probes.push(Arc::new(Broken));
    api.view_lag = Some(Arc::new(Broken));
}

/// A refusal with this status that the route documents.
fn refusal(entry: &Entry, status: u16) -> Script {
    let documented = codes(operation(entry), status);
    let fits = |rejection: &&Rejection| documented.contains(rejection.code());
    let rejection = Rejection::ALL.iter().find(fits).unwrap().clone();
    Script::Refuse(EngineError::Rejected { payment_id: Some(payment_id()), rejection })
}

async fn provoke(entry: &Entry, status: u16) -> Response {
    let is_get = entry.method == Access::Get;
    match status {
        200 if entry.route == Route::Authorize => {
            let dry_run = AUTHORIZE.replacen('{', r#"{"dryRun":true,"#, 1);
            ready(entry).await.post(&path(entry), &dry_run).await
        }
        200 | 201 => ask(&ready(entry).await, entry).await,
        202 => {
            let served = ready(entry).await;
            served.engine.play(Script::LeavePending);
            ask(&served, entry).await
        }
        400 if is_get => ready(entry).await.get(&path_with(entry, "colour=red")).await,
        400 => ready(entry).await.post(&path(entry), "{").await,
        406 => {
            let picture = request("GET", &path(entry), "accept: image/png\r\n", b"");
            ready(entry).await.send(&picture).await
        }
        404 => ask(&serve(Script::Approve).await, entry).await,
        408 => {
            let short = |api: &mut Api| api.limits.body_read = Duration::from_millis(20);
            let served = serve_with(Script::Approve, short).await;
            let mut client = Client::connect(served.addr).await;
            let whole = post(&path(entry), "", "{}");
            client.write(&whole[..whole.len() - 1]).await;
            client.read().await
        }
        413 if entry.route == Route::AuthorizeBatch => {
            ready(entry).await.post(&path(entry), &" ".repeat(262_145)).await
        }
        413 => ready(entry).await.post(&path(entry), &" ".repeat(163_841)).await,
        415 => ready(entry).await.send(&request("POST", &path(entry), "", b"{}")).await,
        409 if is_get => {
            let served = ready(entry).await;
            let late = format!("{}?minPosition=3:999999", path(entry));
            served.send(&request("GET", &late, "prefer: wait=0\r\n", b"")).await
        }
        422 if is_get => ask(&serve_views(Some(ViewError::BadCursor)).await.0, entry).await,
        409 | 422 => {
            let served = ready(entry).await;
            served.engine.play(refusal(entry, status));
            ask(&served, entry).await
        }
        500 if is_list(entry) => {
            let views = serve_views(None).await.1;
            let served = serve_with(Script::Panic, |api| {
                api.views = Some(views);
                broken(api);
            });
            ask(&served.await, entry).await
        }
        500 => ask(&serve_with(Script::Panic, broken).await, entry).await,
        503 => {
            let full = |api: &mut Api| api.limits.connections = 0;
            ask(&serve_with(Script::Approve, full).await, entry).await
        }
        other => panic!("nothing provokes {other}: {}", entry.path),
    }
}

#[tokio::test]
async fn every_documented_status_is_answered_as_documented() {
    for entry in &ROUTES {
        for status in statuses(operation(entry)) {
            let answer = provoke(entry, status).await;
            assert_eq!(answer.status, status, "{} {}: {answer:?}", method(entry), entry.path);
            check(operation(entry), &answer);
        }
    }
}

#[tokio::test]
async fn every_refusal_of_a_payments_state_is_documented_where_it_is_made() {
    for entry in ROUTES.iter().filter(|entry| entry.method == Access::Post) {
        let served = ready(entry).await;
        for status in [404, 409, 422] {
            for code in codes(operation(entry), status) {
                let rejection = Rejection::ALL.iter().find(|known| known.code() == code).unwrap();
                let rejection = rejection.clone();
                let error = EngineError::Rejected { payment_id: Some(payment_id()), rejection };
                served.engine.play(Script::Refuse(error));
                check(operation(entry), &ask(&served, entry).await);
            }
        }
    }
}

#[tokio::test]
async fn replays_preferences_and_failing_probes_are_answered_as_documented() {
    for entry in ROUTES.iter().filter(|entry| body(entry) == AUTHORIZE) {
        let served = ready(entry).await;
        ask(&served, entry).await;
        let replay = ask(&served, entry).await;
        assert_eq!(replay.header("idempotency-replayed"), Some("true"));
        check(operation(entry), &replay);
    }
    let readiness = Route::Readiness.entry();
    let served = serve_with(Script::Approve, |api| api.probes.push(Arc::new(Unready))).await;
    let answer = ask(&served, readiness).await;
    assert_eq!(answer.status, 503);
    check(operation(readiness), &answer);
}

#[test]
fn the_routes_and_the_document_are_the_same() {
    let mut documented: Vec<_> =
        operations().iter().map(|(path, method, _)| (*path, method.to_uppercase())).collect();
    let mut routes: Vec<_> =
        ROUTES.iter().map(|entry| (entry.path, method(entry).to_owned())).collect();
    documented.sort_unstable();
    routes.sort_unstable();
    assert_eq!(documented, routes);
    let ids = operations().into_iter().map(|(_, _, operation)| operation["operationId"].as_str());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), ROUTES.len(), "an operation's id is its own");
}

#[tokio::test]
async fn the_document_and_the_page_are_served() {
    let served = serve(Script::Approve).await;
    let answer = served.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(&answer.json(), document());
    let page = served.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for part in ["<title>Daybook", "fetch('/openapi.json')", "--ink:"] {
        assert!(page.body.contains(part), "{part} is not in the page");
    }
    for elsewhere in ["src=\"http", "href=\"http", "@import", "url("] {
        assert!(!page.body.contains(elsewhere), "the page takes {elsewhere} from elsewhere");
    }
}

#[test]
fn no_answer_is_left_open() {
    for (path, method, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(status.parse::<u16>().is_ok(), "{method} {path}: {status}");
            assert!(
                !response["description"].as_str().unwrap().is_empty(),
                "{method} {path}: {status}"
            );
        }
    }
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        let is_older = name.starts_with("Older") && name.ends_with("Request");
        let alternatives = schema["anyOf"].as_array().cloned();
        for object in alternatives.unwrap_or_else(|| vec![schema.clone()]) {
            if object["type"] == "object" && !object["properties"].is_null() {
                assert_eq!(object["additionalProperties"], is_older, "{name}");
            }
        }
    }
}

#[test]
fn every_example_is_valid() {
    for (path, method, operation) in operations() {
        let requests = operation["requestBody"]["content"].as_object();
        let answers = operation["responses"].as_object().unwrap().values();
        let answers = answers.filter_map(|response| response["content"].as_object());
        for content in requests.into_iter().chain(answers).flat_map(|types| types.values()) {
            let one = content.get("example").into_iter();
            let named = content["examples"].as_object().into_iter().flat_map(|all| all.values());
            for example in one.chain(named.map(|named| &named["value"])) {
                assert_eq!(
                    causes(&content["schema"], example),
                    Vec::<String>::new(),
                    "{method} {path}: {example}"
                );
            }
        }
    }
}

/// The decoder refuses what is not declared; this is the other half.
#[tokio::test]
async fn no_field_or_parameter_is_declared_in_vain() {
    for entry in &ROUTES {
        let served = ready(entry).await;
        for parameter in operation(entry)["parameters"].as_array().unwrap() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().unwrap();
                let (served, is_refused) = match name {
                    "cursor" => (serve_views(Some(ViewError::BadCursor)).await.0, [422]),
                    _ => (ready(entry).await, [400]),
                };
                // An object's properties are parameters.
                let (name, value) = match name {
                    "metadata" => ("metadata.colour", "%00"),
                    "reference" => (name, "%00"),
                    _ => (name, "%01"),
                };
                let answer = served.get(&path_with(entry, &format!("{name}={value}"))).await;
                assert!(is_refused.contains(&answer.status), "{} {name}: {answer:?}", entry.path);
                assert_eq!(answer.json()["field"], name, "{answer:?}");
                assert_ne!(answer.code(), "UNKNOWN_PARAMETER", "{} {name}", entry.path);
            }
        }
        let Some(schema) =
            operation(entry)["requestBody"]["content"]["application/json"].get("schema")
        else {
            continue;
        };
        for field in fields(resolved(schema)) {
            let mut sent: Value = serde_json::from_str(body(entry)).unwrap();
            sent[&field] = json!([]);
            let answer = served.post(&path(entry), &sent.to_string()).await;
            assert_eq!(
                (answer.status, &answer.json()["field"]),
                (400, &json!(field)),
                "{answer:?}"
            );
        }
    }
}

fn fields(schema: &Value) -> BTreeSet<String> {
    let alternatives = schema["anyOf"].as_array().into_iter().flatten().chain([schema]);
    let properties = alternatives.filter_map(|object| object["properties"].as_object());
    properties.flat_map(|properties| properties.keys().cloned()).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn committed() -> [(PathBuf, String); 2] {
    let docs = root().join("docs");
    let document = format!("{:#}\n", document());
    [(docs.join("openapi.json"), document), (docs.join("errors.md"), errors_page())]
}

#[test]
fn the_committed_pages_are_those_of_the_code() {
    for (file, wanted) in committed() {
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is stale; this writes it anew: cargo test --workspace --test http write_the_contract -- --ignored",
            file.display()
        );
    }
}

#[test]
#[ignore = "writes docs/openapi.json and docs/errors.md anew"]
fn write_the_contract() {
    for (file, wanted) in committed() {
        std::fs::write(file, wanted).unwrap();
    }
}

/// The README's table of what lists take, name for name.
#[test]
fn the_readme_says_what_lists_take() {
    let readme = root().join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    for entry in ROUTES.iter().filter(|entry| is_list(entry)) {
        let path = entry.path.strip_prefix("/api/v1").unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{path}` | `")));
        let row = row.unwrap_or_else(|| panic!("{path} has no row"));
        let cell = |number: usize| -> BTreeSet<String> {
            let cell = row.split('|').nth(number).unwrap();
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let (mut filters, mut sorts) = (BTreeSet::new(), BTreeSet::new());
        for parameter in operation(entry)["parameters"].as_array().unwrap() {
            match parameter["name"].as_str() {
                None | Some("limit" | "cursor" | "minPosition") => {}
                Some("metadata") => filters.extend(["metadata.NAME".to_owned()]),
                Some("sort") => sorts.extend(
                    parameter["schema"]["enum"].as_array().unwrap().iter().filter_map(|sort| {
                        let sort = sort.as_str().unwrap();
                        (!sort.starts_with('-')).then(|| sort.to_owned())
                    }),
                ),
                Some(name) => filters.extend([name.to_owned()]),
            }
        }
        assert_eq!((cell(2), cell(3)), (filters, sorts), "{path}");
    }
}
