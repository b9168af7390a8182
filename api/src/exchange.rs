//! One request and its answer: routing, the task it runs on, and what is recorded of it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::answer::Reply;
use crate::api::Api;
use crate::body::{Accepted, discard, read};
use crate::call::{Call, Dialect, shown};
use crate::error::ApiError;
use crate::headers::{REQUEST_ID, request_id};
use crate::lists::list;
use crate::metrics::CLIENT_LEFT;
use crate::problem::{INTERNAL, METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND};
use crate::route::{Found, Route, find};
use crate::{batch, contract, docs, lists, platform, reads, verbs};

/// Answers a request. Its handler runs on a task of its own, tracked: a client that leaves never
/// abandons an operation midway, and a handler that panics answers 500.
pub(crate) async fn serve(
    api: Arc<Api>,
    tracker: TaskTracker,
    request: Request<Incoming>,
) -> Reply {
    let (parts, body) = request.into_parts();
    let found = find(&parts.method, parts.uri.path());
    let mut exchange = Exchange::begin(Arc::clone(&api), &parts, found);
    let reply = match arrive(&api, &tracker, found, parts, body).await {
        Ok(Arrived::Reply(reply)) => reply,
        Ok(Arrived::Call(call)) => {
            let span = tracing::info_span!("request", id = ?exchange.request_id);
            let handler = handle(Arc::clone(&api), call).instrument(span);
            match tracker.spawn(handler).await {
                Ok(reply) => reply,
                Err(panic) => exchange.panicked(&panic),
            }
        }
        Err(error) => error.into_reply(&api.limits),
    };
    exchange.end(reply)
}

enum Arrived {
    Call(Call),
    Reply(Reply),
}

/// Reads the body, or refuses the request.
async fn arrive(
    api: &Api,
    tracker: &TaskTracker,
    found: Found,
    parts: Parts,
    body: Incoming,
) -> Result<Arrived, ApiError> {
    let (route, payment_id) = match found {
        Found::Route(route, payment_id) => (route, payment_id),
        Found::Options(allow) => return Ok(Arrived::Reply(options(allow))),
        Found::WrongMethod(_) | Found::Nothing => {
            let error = refuse(found, &parts);
            discard(&parts, body, tracker);
            return Err(error);
        }
    };
    let body = match &route.intake().body {
        Some(taken) => {
            let accepted = Accepted { presence: taken.presence, max_bytes: taken.max_bytes };
            read(&parts, body, accepted, api.limits.body_read, tracker).await
        }
        None => Ok(Bytes::new()),
    };
    let body = body.map_err(|error| error.about(payment_id))?;
    Ok(Arrived::Call(Call { route, payment_id, parts, body }))
}

fn options(allow: &'static str) -> Reply {
    let mut reply = Reply::new(Either::Left(Full::default()));
    *reply.status_mut() = hyper::StatusCode::NO_CONTENT;
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

fn refuse(found: Found, parts: &Parts) -> ApiError {
    let (method, path) = (&parts.method, shown(parts.uri.path()));
    match found {
        Found::WrongMethod(allow) => {
            let detail = format!("{method} is not allowed on {path}: use one of {allow}");
            ApiError::new(METHOD_NOT_ALLOWED, detail).allow(allow)
        }
        _ => ApiError::new(ROUTE_NOT_FOUND, format!("there is no route {path}")),
    }
}

async fn handle(api: Arc<Api>, call: Call) -> Reply {
    let answered = dispatch(&api, &call).await;
    answered.unwrap_or_else(|error| error.about(call.payment_id).into_reply(&api.limits))
}

/// The money verbs stand in the task itself; what else is asked for is boxed, so that the task of a
/// payment is no larger than it needs.
async fn dispatch(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    use Dialect::{Older, V1};
    match call.route {
        Route::Authorize => verbs::authorize(api, call, V1).await,
        Route::Capture => verbs::capture(api, call, V1).await,
        Route::Void => verbs::void(api, call).await,
        Route::Refund => verbs::refund(api, call, V1).await,
        Route::Cancel => Box::pin(verbs::cancel(api, call)).await,
        Route::AuthorizeBatch => Box::pin(batch::authorize(api, call)).await,
        Route::OlderAuthorize => verbs::authorize(api, call, Older).await,
        Route::OlderCapture => verbs::capture(api, call, Older).await,
        Route::OlderRefund => verbs::refund(api, call, Older).await,
        Route::Payment => Box::pin(reads::payment(api, call)).await,
        Route::Events => Box::pin(reads::events(api, call)).await,
        Route::Lookup => Box::pin(reads::lookup(api, call)).await,
        Route::Payments => Box::pin(list::<lists::Payments>(api, call)).await,
        Route::Settlements => Box::pin(list::<lists::Settlements>(api, call)).await,
        Route::SettlementLines => Box::pin(list::<lists::SettlementLines>(api, call)).await,
        Route::Refunds => Box::pin(list::<lists::Refunds>(api, call)).await,
        Route::Balances => Box::pin(list::<lists::Balances>(api, call)).await,
        Route::Operations => Box::pin(list::<lists::Operations>(api, call)).await,
        Route::Journal => Box::pin(list::<lists::Journal>(api, call)).await,
        Route::Health => Ok(platform::health()),
        Route::Readiness => Ok(Box::pin(platform::readiness(api)).await),
        Route::Metrics => platform::metrics(api),
        Route::Contract => Ok(contract::served()),
        Route::Docs => Ok(docs::page()),
    }
}

/// What is recorded of a request, whether or not its client stays.
struct Exchange {
    api: Arc<Api>,
    request_id: HeaderValue,
    route: Option<Route>,
    method: Method,
    started: Instant,
    /// The answer's; until there is one, the client may leave.
    status: u16,
}

impl Exchange {
    fn begin(api: Arc<Api>, parts: &Parts, found: Found) -> Self {
        api.metrics.in_flight.inc();
        let request_id = request_id(&parts.headers).unwrap_or_else(|| new_request_id(&api));
        let route = match found {
            Found::Route(route, _) => Some(route),
            _ => None,
        };
        let method = parts.method.clone();
        Self { api, request_id, route, method, started: Instant::now(), status: CLIENT_LEFT }
    }

    fn panicked(&self, panic: &tokio::task::JoinError) -> Reply {
        tracing::error!(request_id = ?self.request_id, %panic, "a handler panicked");
        let detail = "something went wrong in the server; with its key the request may be repeated";
        ApiError::new(INTERNAL, detail).into_reply(&self.api.limits)
    }

    fn end(&mut self, mut reply: Reply) -> Reply {
        reply.headers_mut().insert(REQUEST_ID, self.request_id.clone());
        self.status = reply.status().as_u16();
        reply
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.api.metrics.in_flight.dec();
        self.api.metrics.answered(self.route, &self.method, self.status, duration);
        tracing::debug!(
            request_id = ?self.request_id,
            method = %self.method,
            route = self.route.map_or("unmatched", |route| route.entry().path),
            status = self.status,
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}

fn new_request_id(api: &Api) -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = api.ids.request_id().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}
