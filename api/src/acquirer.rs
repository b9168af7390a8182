//! The acquirer's routes, as `docs/acquirer-wire.md` has them: the simulator behind the wire, for trying
//! out and testing what happens between two processes.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::acquirer::desk::{AcquirerDesk, Said};
use daybook_engine::acquirer::wire::{self, AnswerBody, OperationBody};
use daybook_engine::ids::OperationId;
use daybook_engine::ledger::StoreError;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde::Serialize;
use tokio_util::task::TaskTracker;

use crate::answer::{Reply, reply};
use crate::body::{Accepted, MAX_BYTES, Presence, discard, read};
use crate::call::shown;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::problem::{
    FIELD_INVALID, IDEMPOTENCY_KEY_REUSED, INTERNAL, METHOD_NOT_ALLOWED, PARAMETER_INVALID,
    ROUTE_NOT_FOUND,
};
use crate::query::Query;
use crate::server::{Cut, Site};

/// The longest that a question for notices is kept.
const NOTICE_WAIT_MAX_S: u64 = 20;

/// What the acquirer's routes are served from.
#[derive(Debug)]
pub struct AcquirerSite {
    pub desk: AcquirerDesk,
    pub metrics: HttpMetrics,
    pub limits: Limits,
}

#[derive(Serialize)]
struct HealthBody {
    status: &'static str,
}

impl Site for AcquirerSite {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }

    async fn answer(
        self: Arc<Self>,
        tracker: TaskTracker,
        request: Request<Incoming>,
    ) -> Result<Reply, Cut> {
        let (parts, body) = request.into_parts();
        match self.dispatch(&parts, body, &tracker).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(Cut),
            Err(error) => Ok(error.into_reply(&self.limits)),
        }
    }
}

impl AcquirerSite {
    /// `None` where the connection is to be cut.
    async fn dispatch(
        &self,
        parts: &Parts,
        body: Incoming,
        tracker: &TaskTracker,
    ) -> Result<Option<Reply>, ApiError> {
        let path = parts.uri.path();
        if let Some(id) = path.strip_prefix(wire::OPERATIONS) {
            return match parts.method {
                Method::POST => self.execute(operation_id(id)?, parts, body, tracker).await,
                Method::GET => self.inquire(operation_id(id)?).await.map(Some),
                _ => Err(wrong_method(parts, body, tracker, "GET, POST")),
            };
        }
        match path {
            wire::NOTICES | wire::HEALTH if parts.method != Method::GET => {
                Err(wrong_method(parts, body, tracker, "GET"))
            }
            wire::HEALTH => Ok(Some(reply(200, &HealthBody { status: "ready" }))),
            wire::NOTICES => self.notices(parts).await.map(Some),
            _ => {
                discard(parts, body, tracker);
                let detail = format!("there is no route {}", shown(path));
                Err(ApiError::new(ROUTE_NOT_FOUND, detail))
            }
        }
    }

    async fn execute(
        &self,
        id: OperationId,
        parts: &Parts,
        body: Incoming,
        tracker: &TaskTracker,
    ) -> Result<Option<Reply>, ApiError> {
        let limit = self.limits.body_read;
        let accepted = Accepted { presence: Presence::Required, max_bytes: MAX_BYTES };
        let bytes = read(parts, body, accepted, limit, tracker).await?;
        let operation: OperationBody = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::new(FIELD_INVALID, error.to_string()))?;
        match self.desk.execute(id, operation).await.map_err(record_failed)? {
            Said::Answer(answer) => Ok(Some(reply(200, &answer))),
            Said::Cut => Ok(None),
            Said::OtherOperation => {
                let detail = format!("{id} stands for another operation");
                Err(ApiError::new(IDEMPOTENCY_KEY_REUSED, detail))
            }
        }
    }

    async fn inquire(&self, id: OperationId) -> Result<Reply, ApiError> {
        let answer = self.desk.inquire(id).await.map_err(record_failed)?;
        let status = if answer == AnswerBody::NotFound { 404 } else { 200 };
        Ok(reply(status, &answer))
    }

    async fn notices(&self, parts: &Parts) -> Result<Reply, ApiError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        query.only(&["after", "wait"])?;
        let (after, wait) = (number(&query, "after")?, number(&query, "wait")?);
        let wait = Duration::from_secs(wait.min(NOTICE_WAIT_MAX_S));
        Ok(reply(200, &self.desk.notices(after, wait).await))
    }
}

fn operation_id(text: &str) -> Result<OperationId, ApiError> {
    let id = Some(text).filter(|text| text.len() == 36).and_then(|text| text.parse().ok());
    id.ok_or_else(|| ApiError::new(ROUTE_NOT_FOUND, format!("{:?} is no id", shown(text))))
}

/// Zero where it is absent.
fn number(query: &Query<'_>, name: &'static str) -> Result<u64, ApiError> {
    query.get(name).map_or(Ok(0), |text| {
        let detail = format!("{name} must be a whole number");
        text.parse().map_err(|_| ApiError::new(PARAMETER_INVALID, detail).field(name))
    })
}

fn wrong_method(
    parts: &Parts,
    body: Incoming,
    tracker: &TaskTracker,
    allow: &'static str,
) -> ApiError {
    discard(parts, body, tracker);
    let detail = format!("{} is not allowed here: use one of {allow}", parts.method);
    ApiError::new(METHOD_NOT_ALLOWED, detail).allow(allow)
}

fn record_failed(error: StoreError) -> ApiError {
    ApiError::new(INTERNAL, "the acquirer's record can't be used").caused_by(error)
}
