//! Health, readiness, metrics.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::Probe;
use serde_json::json;

use crate::fixture::{AUTHORIZE, serve, serve_with};
use crate::stand_in::Script;

struct Scripted {
    name: &'static str,
    is_required: bool,
    answer: Answer,
}

#[derive(Clone, Copy)]
enum Answer {
    Fine,
    Broken,
    Silent,
    Panic,
}

#[async_trait]
impl Probe for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn is_required(&self) -> bool {
        self.is_required
    }

    async fn check(&self) -> Result<(), String> {
        match self.answer {
            Answer::Fine => Ok(()),
            Answer::Broken => Err("connection refused".to_owned()),
            Answer::Silent => std::future::pending().await,
            Answer::Panic => panic!("as scripted"),
        }
    }
}

async fn readiness(probes: &[(&'static str, bool, Answer)]) -> (u16, serde_json::Value) {
    let served = serve_with(Script::Approve, |api| {
        api.limits.probe = Duration::from_millis(50);
        for &(name, is_required, answer) in probes {
            api.probes.push(Arc::new(Scripted { name, is_required, answer }));
        }
    });
    let answer = served.await.get("/readyz").await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn readiness_names_every_probe_and_fails_with_a_required_one() {
    let (status, body) =
        readiness(&[("ledger", true, Answer::Fine), ("broker", false, Answer::Broken)]).await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")), "{body}");
    let broker = json!({
        "name": "broker", "status": "failed", "isRequired": false, "detail": "connection refused"
    });
    assert_eq!(body["probes"][1], broker);
    assert_eq!(body["probes"][0]["status"], "ok", "{body}");

    for answer in [Answer::Broken, Answer::Silent, Answer::Panic] {
        let (status, body) =
            readiness(&[("a", true, Answer::Fine), ("ledger", true, answer)]).await;
        assert_eq!((status, &body["status"]), (503, &json!("not ready")), "{body}");
        assert_eq!(body["probes"][0]["status"], "ok", "{body}");
        assert_eq!(body["probes"][1]["status"], "failed", "{body}");
    }
}

#[tokio::test]
async fn health_is_200_while_the_process_runs() {
    let served = serve(Script::Panic).await;
    assert_eq!(served.get("/healthz?probe=1").await.status, 200);
}

#[tokio::test]
async fn metrics_count_requests_by_route_method_and_status() {
    let served = serve(Script::Approve).await;
    served.post("/api/v1/payments", AUTHORIZE).await;
    served.post("/api/v1/payments", "{").await;
    served.get("/made-up/by-a-client").await;
    let answer = served.get("/metrics").await;
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    for line in [
        r#"daybook_http_requests_total{route="/api/v1/payments",method="POST",status="201"} 1"#,
        r#"daybook_http_requests_total{route="/api/v1/payments",method="POST",status="400"} 1"#,
        r#"daybook_http_requests_total{route="unmatched",method="GET",status="404"} 1"#,
        r#"daybook_http_request_duration_seconds_count{route="/api/v1/payments",method="POST"} 2"#,
        "daybook_http_requests_in_flight 1",
    ] {
        assert!(answer.body.contains(line), "{line} is not in\n{}", answer.body);
    }
}
