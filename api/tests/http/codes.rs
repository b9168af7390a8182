//! Every code of the table is provoked over HTTP, and means what the table says.

use daybook_api::problem::{self, Problem};
use daybook_engine::engine::EngineError;
use daybook_engine::ledger::StoreError;
use daybook_engine::payment::{DecodeError, Rejection};
use daybook_projections::ViewError;

use crate::client::{Client, Response, post, request};
use crate::document::document;
use crate::fixture::{AUTHORIZE, serve, serve_with};
use crate::lists::{serve_views, unavailable};
use crate::stand_in::{Script, payment_id};

const PATH: &str = "/api/v1/payments";

async fn provoke(code: &str) -> Response {
    match code {
        "BODY_TIMEOUT" | "OVERLOADED" => at_a_bound(code).await,
        "UNSUPPORTED_MEDIA_TYPE" => {
            serve(Script::Approve).await.send(&request("POST", PATH, "", b"{}")).await
        }
        "BODY_INCOMPLETE" => {
            let head = "content-type: application/json\r\ntransfer-encoding: chunked";
            let broken = format!("POST {PATH} HTTP/1.1\r\nhost: d\r\n{head}\r\n\r\nzz\r\n");
            serve(Script::Approve).await.send(broken.as_bytes()).await
        }
        "BODY_NOT_UTF8" => {
            let json = "content-type: application/json\r\n";
            serve(Script::Approve).await.send(&request("POST", PATH, json, b"{\"\xff\":1}")).await
        }
        "IDEMPOTENCY_KEY_MISMATCH" => {
            let headers = "idempotency-key: k-2\r\n";
            serve(Script::Approve).await.send(&post(PATH, headers, AUTHORIZE)).await
        }
        "METHOD_NOT_ALLOWED" => {
            serve(Script::Approve).await.send(&request("PUT", PATH, "", b"")).await
        }
        "CURSOR_INVALID" => from_views(Some(ViewError::BadCursor)).await,
        "POSITION_UNKNOWN" => from_list("?minPosition=4:1", "").await,
        "VIEWS_BEHIND" => from_list("?minPosition=3:999999", "prefer: wait=0\r\n").await,
        "NOT_ACCEPTABLE" => from_list("", "accept: image/png\r\n").await,
        "VIEWS_UNAVAILABLE" => from_views(Some(unavailable())).await,
        "API_NOT_SERVED" => {
            let served = serve_with(Script::Approve, |api| api.payments = None).await;
            served.authorize().await
        }
        "INTERNAL" => serve(Script::Panic).await.authorize().await,
        _ => match (bad_body(code), bad_query(code), error(code)) {
            (Some(body), _, _) => serve(Script::Approve).await.post(PATH, &body).await,
            (_, Some(path), _) => serve(Script::Approve).await.get(path).await,
            (_, _, Some(error)) => {
                let served = serve(Script::Refuse(error)).await;
                served.post_to_payment("/refunds", "{}").await
            }
            _ => panic!("nothing provokes {code}: add it here"),
        },
    }
}

async fn at_a_bound(code: &str) -> Response {
    let served = serve_with(Script::Approve, |api| match code {
        "BODY_TIMEOUT" => api.limits.body_read = std::time::Duration::from_millis(20),
        _ => api.limits.connections = 0,
    })
    .await;
    let mut client = Client::connect(served.addr).await;
    let whole = post(PATH, "", AUTHORIZE);
    client.write(&whole[..whole.len() - 1]).await;
    client.read().await
}

async fn from_views(error: Option<ViewError>) -> Response {
    serve_views(error).await.0.get("/api/v1/refunds?cursor=x").await
}

async fn from_list(query: &str, headers: &str) -> Response {
    let path = format!("/api/v1/refunds{query}");
    serve_views(None).await.0.send(&request("GET", &path, headers, b"")).await
}

fn bad_body(code: &str) -> Option<String> {
    Some(match code {
        "MALFORMED_JSON" => "{".to_owned(),
        "JSON_TOO_DEEP" => "[".repeat(40),
        "DUPLICATE_FIELD" => r#"{"a":1,"a":1}"#.to_owned(),
        "BODY_NOT_OBJECT" => "[]".to_owned(),
        "BODY_TOO_LARGE" => " ".repeat(163_841),
        "UNKNOWN_FIELD" => AUTHORIZE.replace("amount", "amuont"),
        "MISSING_FIELD" => r#"{"amount":1,"currency":"EUR","idempotencyKey":"k"}"#.to_owned(),
        "FIELD_INVALID" => AUTHORIZE.replace('}', r#","captureMethod":"later"}"#),
        "AMOUNT_INVALID" => AUTHORIZE.replace("1000", "0"),
        "CURRENCY_UNKNOWN" => AUTHORIZE.replace("EUR", "XXX"),
        "MERCHANT_ID_INVALID" => AUTHORIZE.replace("shop-1", ""),
        "IDEMPOTENCY_KEY_INVALID" => AUTHORIZE.replace("k-1", ""),
        "IDEMPOTENCY_KEY_REQUIRED" => AUTHORIZE.replace(r#","idempotencyKey":"k-1""#, ""),
        _ => return None,
    })
}

fn bad_query(code: &str) -> Option<&'static str> {
    match code {
        "ROUTE_NOT_FOUND" => Some("/nowhere"),
        "UNKNOWN_PARAMETER" => Some("/api/v1/refunds?colour=red"),
        "PARAMETER_INVALID" => Some("/api/v1/refunds?limit=0"),
        "VIEWS_NOT_SERVED" => Some("/api/v1/refunds"),
        _ => None,
    }
}

fn error(code: &str) -> Option<EngineError> {
    let known = Rejection::ALL.iter().find(|rejection| rejection.code() == code);
    if let Some(rejection) = known.cloned() {
        return Some(EngineError::Rejected { payment_id: Some(payment_id()), rejection });
    }
    let cause = || "away".to_owned();
    match code {
        "ACQUIRER_UNAVAILABLE" => Some(EngineError::AcquirerUnavailable),
        "STOPPING" => Some(EngineError::Stopping),
        "LEDGER_UNAVAILABLE" => {
            Some(EngineError::Store(StoreError::Unavailable { store: "ledger", cause: cause() }))
        }
        "LEDGER_UNREADABLE" => Some(EngineError::Unreadable(DecodeError::Unknown {
            event_type: "payment.moved".into(),
            version: 3,
        })),
        _ => None,
    }
}

#[tokio::test]
async fn every_code_is_provoked_and_answered_as_the_table_says() {
    for problem in problem::ALL {
        is_as_the_table_says(problem, &provoke(problem.code).await);
    }
}

fn is_as_the_table_says(problem: &Problem, answer: &Response) {
    assert_eq!((answer.status, answer.code().as_str()), (problem.status, problem.code));
    assert_eq!(answer.json()["title"], problem.title, "{answer:?}");
    let is_repeated = answer.header("retry-after").is_some();
    assert_eq!(is_repeated, problem.retry.says_when(), "{answer:?}");
    let schema = &document()["components"]["schemas"]["Problem"];
    assert_eq!(crate::document::causes(schema, &answer.json()), Vec::<String>::new());
}
