//! Paths, methods, ids and query strings.

use daybook_api::route::{Access, ROUTES};

use crate::client::{Client, request};
use crate::fixture::{AUTHORIZE, serve};
use crate::stand_in::{PAYMENT_ID, Script};

#[tokio::test]
async fn an_unknown_path_is_404_and_says_so() {
    let served = serve(Script::Approve).await;
    for path in ["/", "/api", "/api/v1/payments/", "/api/v2/payments", "/api/payments", "/%00"] {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "ROUTE_NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_ones() {
    let served = serve(Script::Approve).await;
    for entry in &ROUTES {
        let path = entry.path.replace("{id}", PAYMENT_ID);
        let answer = served.send(&request("PUT", &path, "", b"{}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{path}");
        let allow = answer.header("allow").unwrap().to_owned();
        let method = if entry.method == Access::Get { "GET" } else { "POST" };
        assert!(allow.contains(method), "{path} {allow}");
        let options = served.send(&request("OPTIONS", &path, "", b"")).await;
        assert_eq!((options.status, options.header("allow")), (204, Some(allow.as_str())));
    }
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let served = serve(Script::Approve).await;
    served.authorize().await;
    let path = format!("/api/v1/payments/{PAYMENT_ID}");
    let got = served.get(&path).await;
    let mut client = Client::connect(served.addr).await;
    for _ in 0..2 {
        client.write(format!("HEAD {path} HTTP/1.1\r\nhost: d\r\n\r\n").as_bytes()).await;
        let head = client.read_answer_to("HEAD").await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), Some(got.body.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn a_malformed_payment_id_is_not_found_and_is_told_apart() {
    let served = serve(Script::Approve).await;
    let unknown = "00000000-0000-8000-8000-000000000000";
    for (id, is_malformed) in [("7", true), (&PAYMENT_ID.replace('-', ""), true), (unknown, false)]
    {
        for (method, path) in [
            ("GET", format!("/api/v1/payments/{id}")),
            ("GET", format!("/api/v1/payments/{id}/events")),
            ("POST", format!("/api/v1/payments/{id}/captures")),
            ("POST", format!("/api/v1/payments/{id}/voids")),
            ("POST", format!("/api/v1/payments/{id}/refunds")),
            ("POST", format!("/api/v1/payments/{id}/cancellations")),
            ("POST", format!("/api/payments/capture/{id}")),
            ("POST", format!("/api/payments/refund/{id}")),
        ] {
            let answer = served.send(&request(method, &path, "", b"")).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "PAYMENT_NOT_FOUND"));
            let says_so = answer.json()["message"].as_str().unwrap().contains("not a UUID");
            assert_eq!(says_so, is_malformed, "{path} {answer:?}");
        }
    }
}

#[tokio::test]
async fn version_1_refuses_unknown_parameters() {
    let served = serve(Script::Approve).await;
    let answer = served.post("/api/v1/payments?wait=5", AUTHORIZE).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "UNKNOWN_PARAMETER"));
    assert_eq!(answer.json()["field"], "wait");
    let answer = served.get(&format!("/api/v1/payments/{PAYMENT_ID}?x")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "UNKNOWN_PARAMETER"));
}

#[tokio::test]
async fn a_request_id_is_echoed_where_it_is_fit_and_made_where_it_is_not() {
    let served = serve(Script::Approve).await;
    let long = "x".repeat(129);
    for (sent, is_echoed) in [("req-7", true), ("a b", false), (&long, false)] {
        let header = format!("x-request-id: {sent}\r\n");
        let answer = served.send(&request("GET", "/healthz", &header, b"")).await;
        let echoed = answer.header("x-request-id").unwrap();
        assert_eq!(echoed == sent, is_echoed, "{sent} {echoed}");
        assert!(is_echoed || echoed.len() == 36, "{echoed}");
    }
    let missing = served.get("/nowhere").await;
    assert!(missing.header("x-request-id").is_some(), "errors carry one too");
}
