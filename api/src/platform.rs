//! What the platform asks: health, readiness, metrics.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::{Reply, bytes, reply};
use crate::api::{Api, Probe};
use crate::error::ApiError;
use crate::problem::INTERNAL;

/// The media type of `/metrics`.
pub(crate) const METRICS_TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn health() -> Reply {
    let json = HeaderValue::from_static("application/json");
    bytes(200, json, Bytes::from_static(br#"{"status":"ok"}"#))
}

pub(crate) fn metrics(api: &Api) -> Result<Reply, ApiError> {
    let mut text = String::with_capacity(16 * 1024);
    prometheus_client::encoding::text::encode(&mut text, &api.registry).map_err(|error| {
        ApiError::new(INTERNAL, "the metrics can't be written").caused_by(error)
    })?;
    Ok(bytes(200, HeaderValue::from_static(METRICS_TEXT), Bytes::from(text)))
}

/// Whether the process can serve.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Readiness {
    #[schemars(extend("enum" = ["ready", "not ready"]))]
    status: &'static str,
    probes: Vec<Probed>,
}

/// Something that the process depends on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Probe", deny_unknown_fields)]
struct Probed {
    name: String,
    #[schemars(extend("enum" = ["ok", "failed"]))]
    status: &'static str,
    /// Whether the process is not ready without it.
    is_required: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// 200 when every required probe passes; the body names each.
pub(crate) async fn readiness(api: &Api) -> Reply {
    let mut checks = JoinSet::new();
    for (place, probe) in api.probes.iter().enumerate() {
        let (probe, limit) = (Arc::clone(probe), api.limits.probe);
        checks.spawn(async move { (place, check(probe.as_ref(), limit).await) });
    }
    let mut probed: Vec<_> = api.probes.iter().map(|probe| failed(probe.as_ref())).collect();
    while let Some(checked) = checks.join_next().await {
        let Ok((place, result)) = checked else { continue };
        if let Some(slot) = probed.get_mut(place) {
            *slot = result;
        }
    }
    let is_ready = probed.iter().all(|probe| probe.status == "ok" || !probe.is_required);
    let (code, status) = if is_ready { (200, "ready") } else { (503, "not ready") };
    reply(code, &Readiness { status, probes: probed })
}

async fn check(probe: &dyn Probe, limit: std::time::Duration) -> Probed {
    let detail = match timeout(limit, probe.check()).await {
        Ok(Ok(())) => {
            return Probed { status: "ok", detail: None, ..failed(probe) };
        }
        Ok(Err(cause)) => cause,
        Err(_) => format!("no answer within {limit:?}"),
    };
    Probed { detail: Some(detail), ..failed(probe) }
}

/// The state of a probe that panicked, and the start of every other.
fn failed(probe: &dyn Probe) -> Probed {
    let (name, is_required) = (probe.name().to_owned(), probe.is_required());
    Probed { name, status: "failed", is_required, detail: Some("the probe panicked".into()) }
}
