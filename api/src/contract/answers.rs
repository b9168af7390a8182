//! What each route answers when it can do what is asked, and the headers of all answers.

use daybook_engine::payment::PaymentBody;
use daybook_projections::views::{
    BalanceBody, OperationBody, PostingBody, RefundBody, SettlementBody, SettlementLineBody,
};
use schemars::{JsonSchema, json_schema};
use serde_json::{Value, json};

use super::examples;
use crate::answer::{DryRunBody, OlderBody};
use crate::batch::BatchBody;
use crate::csv::{self, Record};
use crate::intake::{Shape, typed};
use crate::lists::PageBody;
use crate::platform::{METRICS_TEXT, Readiness};
use crate::reads::EventsBody;
use crate::route::Route;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) media_type: &'static str,
    /// The first line of the table that `Accept: text/csv` gets.
    pub(super) csv: Option<fn() -> String>,
    pub(super) shape: Shape,
    pub(super) headers: &'static [Header],
    pub(super) example: Option<&'static str>,
    /// Routes of the payment that the body is about.
    pub(super) leads_to: &'static [Route],
}

/// A header of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    RequestId,
    CacheControl,
    Location,
    IdempotencyReplayed,
    PreferenceApplied,
    RetryAfter,
    Vary,
    AsOf,
    NextCursor,
    ContentDisposition,
}

use Header::{
    AsOf, CacheControl, ContentDisposition, IdempotencyReplayed, Location, NextCursor,
    PreferenceApplied, RequestId, RetryAfter, Vary,
};

impl Header {
    pub(super) const ALL: [Self; 10] = [
        RequestId,
        CacheControl,
        Location,
        IdempotencyReplayed,
        PreferenceApplied,
        RetryAfter,
        Vary,
        AsOf,
        NextCursor,
        ContentDisposition,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            RequestId => "X-Request-Id",
            CacheControl => "Cache-Control",
            Location => "Location",
            IdempotencyReplayed => "Idempotency-Replayed",
            PreferenceApplied => "Preference-Applied",
            RetryAfter => "Retry-After",
            Vary => "Vary",
            AsOf => "Daybook-As-Of",
            NextCursor => "Daybook-Next-Cursor",
            ContentDisposition => "Content-Disposition",
        }
    }

    /// Whether every answer that may have it has it.
    pub(super) const fn is_always(self) -> bool {
        matches!(self, RequestId | CacheControl | Location | Vary)
    }

    pub(super) fn described(self) -> Value {
        let (about, schema) = match self {
            RequestId => (
                "The request's name, the client's own where it sent a fit one; a connection that is refused has none.",
                json!({"type": "string", "pattern": "^[!-~]{1,128}$"}),
            ),
            CacheControl => ("No cache may keep it.", json!({"const": "no-store"})),
            Location => (
                "Where the payment is read.",
                json!({"type": "string", "pattern": "^/api/v1/payments/[0-9a-f-]{36}$"}),
            ),
            IdempotencyReplayed => (
                "There where the key was known and this is its answer again.",
                json!({"const": "true"}),
            ),
            PreferenceApplied => (
                "There where the request said `Prefer: wait=N`: how long it waited at most, in seconds.",
                json!({"type": "string", "pattern": "^wait=[0-9]+$"}),
            ),
            RetryAfter => (
                "There where the same request may succeed later: after how many seconds.",
                json!({"type": "integer", "minimum": 0}),
            ),
            Vary => ("The answer's form is as `Accept` asks.", json!({"const": "accept"})),
            AsOf => (
                "Of CSV: how far the view had got, by partition.",
                json!({"type": "string", "pattern": "^[0-9:,]*$"}),
            ),
            NextCursor => {
                ("Of a page of CSV that another follows: its `cursor`.", json!({"type": "string"}))
            }
            ContentDisposition => ("Of CSV: a name for its file.", json!({"type": "string"})),
        };
        json!({"description": about, "schema": schema})
    }
}

impl Route {
    pub(super) const fn answers(self) -> &'static [Answer] {
        match self {
            Self::Authorize => &AUTHORIZED,
            Self::Capture => &CAPTURED,
            Self::Void => &VOIDED,
            Self::Refund => &REFUNDED,
            Self::Cancel => &CANCELLED,
            Self::AuthorizeBatch => &BATCH,
            Self::Payment | Self::Lookup => &PAYMENT,
            Self::Events => &EVENTS,
            Self::Payments => &PAYMENTS,
            Self::Settlements => &SETTLEMENTS,
            Self::SettlementLines => &SETTLEMENT_LINES,
            Self::Refunds => &REFUNDS,
            Self::Balances => &BALANCES,
            Self::Operations => &OPERATIONS,
            Self::Journal => &JOURNAL,
            Self::OlderAuthorize => &OLDER_AUTHORIZED,
            Self::OlderCapture => &OLDER_CAPTURED,
            Self::OlderRefund => &OLDER_REFUNDED,
            Self::Health => &HEALTH,
            Self::Readiness => &READINESS,
            Self::Metrics => &METRICS,
            Self::Contract => &CONTRACT,
            Self::Docs => &DOCS,
        }
    }
}

static AUTHORIZED: [Answer; 3] = [
    dry_run("What the authorization would be answered."),
    verb(201, "Authorized or declined: `status` says which.")
        .like(examples::AUTHORIZED)
        .with(OF_CREATION)
        .leads_to(&[Route::Payment, Route::Events, Route::Capture, Route::Void, Route::Refund]),
    verb(202, "The acquirer has not said yet; the payment is read later, or the request repeated.")
        .with(OF_CREATION)
        .leads_to(&[Route::Payment]),
];
static CAPTURED: [Answer; 2] = [
    concluded("Captured or failed: the last of `captures` says which.").leads_to(&[
        Route::Payment,
        Route::Refund,
        Route::Void,
    ]),
    verb(202, PENDING),
];
static VOIDED: [Answer; 2] =
    [concluded("Voided or failed: the last of `voids` says which."), verb(202, PENDING)];
static REFUNDED: [Answer; 2] =
    [concluded("Refunded or failed: the last of `refunds` says which."), verb(202, PENDING)];
static CANCELLED: [Answer; 2] = [
    concluded("All that was begun has its outcome: the last of `voids` and `refunds` say which."),
    verb(202, PENDING),
];
static BATCH: [Answer; 1] = [read(
    "The items, each with what it would have been answered with alone.",
    typed::<BatchBody<'static>>,
)
.with(OF_VERBS)];
static OLDER_AUTHORIZED: [Answer; 1] = [older("Authorized, declined or pending.")
    .like(examples::OLDER)
    .leads_to(&[Route::OlderCapture, Route::OlderRefund])];
static OLDER_CAPTURED: [Answer; 1] = [older("Captured, failed or pending.")];
static OLDER_REFUNDED: [Answer; 1] = [older("Refunded, failed or pending.")];
static PAYMENT: [Answer; 1] = [read("The payment.", typed::<PaymentBody>).like(examples::PAYMENT)];
static EVENTS: [Answer; 1] = [read("The payment's events.", typed::<EventsBody<'static>>)];
static PAYMENTS: [Answer; 1] = [page::<PaymentBody>()];
static SETTLEMENTS: [Answer; 1] = [page::<SettlementBody>().like(examples::SETTLEMENTS)];
static SETTLEMENT_LINES: [Answer; 1] = [page::<SettlementLineBody>()];
static REFUNDS: [Answer; 1] = [page::<RefundBody>()];
static BALANCES: [Answer; 1] = [page::<BalanceBody>()];
static OPERATIONS: [Answer; 1] = [page::<OperationBody>()];
static JOURNAL: [Answer; 1] = [page::<PostingBody>()];
static HEALTH: [Answer; 1] = [Answer {
    headers: &[RequestId],
    ..read("It runs.", |_| {
        json_schema!({
            "type": "object",
            "properties": {"status": {"const": "ok"}},
            "required": ["status"],
            "additionalProperties": false,
        })
    })
}];
static READINESS: [Answer; 2] = [
    read("Every required probe passes.", typed::<Readiness>),
    Answer {
        status: 503,
        headers: &[RequestId, CacheControl, RetryAfter],
        ..read(
            "A required probe fails (`application/json`), or the process is at its bound.",
            typed::<Readiness>,
        )
    },
];
static METRICS: [Answer; 1] =
    [text(METRICS_TEXT, "What the process counts, in the OpenMetrics text format.")];
static CONTRACT: [Answer; 1] = [Answer {
    headers: &[RequestId],
    ..read("This document.", |_| json_schema!({"type": "object"}))
}];
static DOCS: [Answer; 1] = [text("text/html; charset=utf-8", "A page that shows this document.")];

const PENDING: &str = "Accepted; its outcome is read later, or the request repeated with its key.";
const OF_VERBS: &[Header] = &[RequestId, CacheControl, IdempotencyReplayed, PreferenceApplied];
const OF_CREATION: &[Header] =
    &[RequestId, CacheControl, Location, IdempotencyReplayed, PreferenceApplied];

const fn read(about: &'static str, shape: Shape) -> Answer {
    Answer {
        status: 200,
        about,
        media_type: "application/json",
        csv: None,
        shape,
        headers: &[RequestId, CacheControl],
        example: None,
        leads_to: &[],
    }
}

const fn verb(status: u16, about: &'static str) -> Answer {
    let answer = read(about, typed::<PaymentBody>).with(OF_VERBS);
    Answer { status, ..answer }
}

/// With the outcome, or what a dry run says of it.
const fn concluded(about: &'static str) -> Answer {
    let shape: Shape = |generator| {
        let forms = [typed::<PaymentBody>(generator), typed::<DryRunBody>(generator)];
        json_schema!({"anyOf": forms})
    };
    read(about, shape).with(OF_VERBS)
}

const fn dry_run(about: &'static str) -> Answer {
    read(about, typed::<DryRunBody>).with(&[RequestId, CacheControl, IdempotencyReplayed])
}

const fn older(about: &'static str) -> Answer {
    read(about, typed::<OlderBody>).with(&[RequestId, CacheControl, IdempotencyReplayed])
}

const fn page<R: Record + JsonSchema>() -> Answer {
    let headers: &[Header] = &[RequestId, CacheControl, Vary, AsOf, NextCursor, ContentDisposition];
    let page = read("A page, in the order of `sort`.", typed::<PageBody<R>>).with(headers);
    Answer { csv: Some(csv::header::<R>), ..page }
}

const fn text(media_type: &'static str, about: &'static str) -> Answer {
    let shape: Shape = |_| json_schema!({"type": "string"});
    Answer { media_type, headers: &[RequestId], ..read(about, shape) }
}

impl Answer {
    const fn with(self, headers: &'static [Header]) -> Self {
        Self { headers, ..self }
    }

    const fn like(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    const fn leads_to(self, routes: &'static [Route]) -> Self {
        Self { leads_to: routes, ..self }
    }
}
