//! An error on its way to the client: RFC 9457 problem details.

use std::borrow::Cow;
use std::error::Error;

use daybook_engine::ids::PaymentId;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Reply, reply};
use crate::limits::Limits;
use crate::problem::{self, Problem, Retry};

/// A problem and what is to be said of this one.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Fault>);

#[derive(Debug)]
struct Fault {
    problem: &'static Problem,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    payment_id: Option<PaymentId>,
    allow: Option<&'static str>,
    /// For the log only.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// Why there is no other answer: RFC 9457 problem details.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct ProblemBody<'a> {
    /// `urn:daybook:problem:` and the code.
    #[schemars(extend("format" = "uri", "pattern" = "^urn:daybook:problem:[A-Z0-9_]+$"))]
    r#type: String,
    /// What kind of problem it is, for people.
    title: &'static str,
    /// The answer's status, again.
    #[schemars(extend("minimum" = 400, "maximum" = 599))]
    status: u16,
    /// What is wrong with this request, for people.
    detail: &'a str,
    /// What kind of problem it is, for programs: codes and their meaning never change.
    #[schemars(extend("enum" = problem::codes()))]
    code: &'static str,
    /// The same as `detail`.
    message: &'a str,
    /// Which field, parameter or header is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Which payment it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
}

impl<'a> ProblemBody<'a> {
    pub(crate) fn of(problem: &'static Problem, detail: &'a str) -> Self {
        Self {
            r#type: problem.urn(),
            title: problem.title,
            status: problem.status,
            detail,
            code: problem.code,
            message: detail,
            field: None,
            payment_id: None,
        }
    }
}

impl ApiError {
    pub(crate) fn new(problem: &'static Problem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Fault {
            problem,
            detail: detail.into(),
            field: None,
            payment_id: None,
            allow: None,
            cause: None,
        }))
    }

    /// Which field, parameter or header is at fault.
    pub(crate) fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Which payment it concerns; keeps what is known already.
    pub(crate) fn about(mut self, payment_id: Option<PaymentId>) -> Self {
        self.0.payment_id = self.0.payment_id.or(payment_id);
        self
    }

    pub(crate) fn allow(mut self, methods: &'static str) -> Self {
        self.0.allow = Some(methods);
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Box::new(cause));
        self
    }

    pub(crate) fn into_reply(self, limits: &Limits) -> Reply {
        self.log();
        let mut reply = reply(self.status(), &self.body());
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(methods) = self.0.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(seconds) = self.retry_after_seconds(limits) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.problem.status
    }

    pub(crate) fn body(&self) -> ProblemBody<'_> {
        let fault = &self.0;
        ProblemBody {
            field: fault.field.as_deref(),
            payment_id: fault.payment_id,
            ..ProblemBody::of(fault.problem, &fault.detail)
        }
    }

    /// When the same request may be repeated; `None` where repeating it is of no use.
    pub(crate) fn retry_after_seconds(&self, limits: &Limits) -> Option<u32> {
        match self.0.problem.retry {
            Retry::No | Retry::WithKey => None,
            Retry::WhenConcluded => Some(1),
            Retry::WhenServed => Some(limits.retry_after_seconds),
        }
    }

    /// What the client can't mend stands in the log with its whole cause.
    pub(crate) fn log(&self) {
        let fault = &self.0;
        let Some(cause) = &fault.cause else { return };
        let chain = chain(cause.as_ref());
        if fault.problem.status == 500 {
            tracing::error!(code = fault.problem.code, cause = chain, "{}", fault.detail);
        } else {
            tracing::warn!(code = fault.problem.code, cause = chain, "{}", fault.detail);
        }
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
